//! The 40-pin header: its pin map, the lines' names, `trait Board` with one file for each backend, and choosing one at run time.

mod board;
mod error;
mod facts;
mod header;
mod line;
mod simulated;

pub use board::{Board, BoardKind, Edge, Level, choose};
pub use error::GpioError;
pub use facts::{findings, model};
pub use line::Line;
pub use simulated::Simulated;
