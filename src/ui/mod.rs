//! The window. Views are functions of a snapshot that push actions; `App` does them after drawing. The one room that names egui.

mod actions;
mod app;
#[cfg(test)]
mod app_tests;
mod banners;
mod board;
mod card;
mod code;
mod commands;
mod compare;
mod cores;
mod facts;
mod fill;
mod foreign;
mod frame;
#[doc(hidden)]
pub mod gallery;
mod hatch;
mod layout;
mod library;
mod log;
mod obey;
mod orders;
mod output;
mod overlays;
mod own_actions;
mod pin_card;
mod prediction;
mod program_form;
#[doc(hidden)]
pub mod sample;
mod screenshot;
mod selected;
mod settings;
mod settings_file;
mod states;
mod step;
#[cfg(test)]
mod testing;
mod theme;
mod timeline;
mod toasts;
mod top_bar;
mod tree;
mod tree_rows;
mod typing;
mod waveform;
mod widgets;
mod window;

pub use app::App;
pub use settings::Preferences;
pub use window::{WindowError, WindowOptions, check_display, run};
