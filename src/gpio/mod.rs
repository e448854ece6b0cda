//! GPIO: the rules for driving the lines of the 40-pin header, `trait Board` with one file for each backend, opening one at run time,
//! edges as files, and what this machine offers for `tasklab doctor`.

mod board;
mod chardev;
mod doctor;
mod error;
mod lines;
mod open;
mod pulls;
mod registers;
mod simulated;
mod waveform;

pub use board::{Board, BoardKind, InputSettings, LineInfo};
pub use doctor::findings;
pub use error::GpioError;
pub use lines::{Edge, Lines};
pub use open::open_board;
pub use simulated::Simulated;
pub use waveform::Waveform;
