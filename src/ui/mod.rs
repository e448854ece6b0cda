//! The window. Views are functions of a snapshot that push actions; `App` does them after drawing. The one room that names egui.

mod ask;
#[doc(hidden)]
pub mod gallery;
mod look;
mod panes;
#[doc(hidden)]
pub mod sample;
mod shell;
#[cfg(test)]
mod testing;

pub use shell::app::App;
pub use shell::settings::Preferences;
pub use shell::window::{WindowError, WindowOptions, check_display, run};
