//! The window itself: the program, its frame, top bar, banners, settings.

pub(super) mod app;
#[cfg(test)]
mod app_tests;
pub(super) mod apply;
pub(super) mod banners;
pub(super) mod frame;
pub(super) mod layout;
pub(super) mod overlays;
mod pace;
pub(super) mod screenshot;
pub(super) mod settings;
pub(super) mod settings_file;
pub(super) mod toasts;
pub(super) mod top_bar;
pub(super) mod window;
