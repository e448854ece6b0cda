//! The command line: one file a verb. The only room that prints. Each verb returns a status; none ends the process itself.

pub mod bench;
mod doctor;
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
mod whole_lines;

pub use entry::{BoardChoice, Start, WindowArguments, main};
pub use error::{CliError, complain};
