//! The command line: one file for each verb. The only room that prints. Each verb returns an exit status; none ends the process itself.

pub mod bench;
mod doctor;
mod document;
mod edges;
mod entry;
mod error;
mod exec;
mod gpio;
mod interrupt;
mod list;
mod out;
mod parse;
mod record;
mod run;
mod session;
mod start;
mod whole_lines;
mod window;

pub use document::document;
pub use entry::main;
pub use error::{CliError, complain};
pub use start::{BoardChoice, Start};
pub use window::WindowArguments;
