//! The 40-pin header: its pin map, the lines' names, the rules for driving them, `trait Board` with one file for
//! each backend, and choosing one at run time.

mod board;
mod chardev;
mod error;
mod facts;
mod header;
mod line;
mod lines;
mod pulls;
mod registers;
mod simulated;
mod waveform;

pub use board::{Board, BoardKind, Level, Look, Watch, choose};
pub use error::GpioError;
pub use facts::{findings, model};
pub use line::Line;
pub use lines::{Edge, Lines};
pub use simulated::Simulated;
pub use waveform::Waveform;
