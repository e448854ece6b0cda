//! Opens the window and runs it until it is closed. On the main thread; the engine runs already, and gets a way to wake it.

use std::env;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError};
use std::task::Waker;
use std::time::Duration;

use egui::ViewportBuilder;

use crate::engine::{EngineHandle, first_language};
use crate::model::Language;
use crate::scenario::CATALOGUE;
use crate::ui::look::surface;
use crate::ui::look::theme::DesktopFonts;
use crate::ui::shell::app::App;
use crate::ui::shell::pace::{LastFrame, Pace};
use crate::ui::shell::screenshot::Screenshot;
use crate::ui::shell::settings::{self, Keeper};
use crate::ui::shell::settings_file;

/// How the window is opened.
#[derive(Debug, Default)]
pub struct WindowOptions {
    /// Saves a picture of the window to this file after this time, and closes it.
    pub screenshot: Option<(PathBuf, Duration)>,
    /// The id of a scenario to show and start at once.
    pub start_scenario: Option<String>,
    /// The language of its lessons, instead of the last one.
    pub language: Option<Language>,
    /// Its width and height in points, instead of the last ones.
    pub size: Option<[f32; 2]>,
}

/// Why there was no window.
#[derive(Debug, thiserror::Error)]
pub enum WindowError {
    /// No screen to open it on.
    #[error("could not open a window: {0}; `tasklab run` works without one")]
    NoDisplay(String),
    /// The window system or the graphics driver refused.
    #[error("could not open a window: {0}; `tasklab doctor` says what this machine offers")]
    Refused(#[source] eframe::Error),
    /// The picture could not be written.
    #[error("could not write the picture {}: {source}", path.display())]
    Screenshot {
        /// The file.
        path: PathBuf,
        /// The answer of the system.
        source: std::io::Error,
    },
}

/// Whether there may be a screen: told from the environment alone, before anything is started for a window.
pub fn check_display() -> Result<(), WindowError> {
    let is_set = |name| env::var_os(name).is_some_and(|value| !value.is_empty());
    if ["DISPLAY", "WAYLAND_DISPLAY", "WAYLAND_SOCKET"].into_iter().any(is_set) {
        return Ok(());
    }
    Err(WindowError::NoDisplay("neither DISPLAY nor WAYLAND_DISPLAY is set".to_owned()))
}

/// Opens the window over a running engine and returns when it is closed.
pub fn run(options: WindowOptions, engine: EngineHandle) -> Result<(), WindowError> {
    check_display()?;
    let fonts = DesktopFonts::load();
    let path = options.screenshot.as_ref().map(|(path, _)| path.clone());
    let is_picture = path.is_some();
    let screenshot = options.screenshot.map(|(path, after)| Screenshot::new(path, after));
    let outcome = screenshot.as_ref().map(Screenshot::outcome);
    // A picture is of a window as everybody has it, and leaves nothing behind.
    let place = settings::place().filter(|_| !is_picture);
    let loaded = settings_file::load(place.as_deref(), CATALOGUE, first_language());
    let (mut kept, notice) = (loaded.kept, loaded.notice);
    kept.preferences.language = options.language.unwrap_or(kept.preferences.language);
    let place = place.filter(|_| !loaded.is_in_the_way);
    if let Some(notice) = &notice {
        eprintln!("tasklab: {notice}");
    }
    let has_own_size = options.size.is_some();
    let viewport = ViewportBuilder::default()
        .with_title("Task Lab")
        .with_app_id("org.tasklab.TaskLab")
        .with_inner_size(options.size.or(kept.window.size).unwrap_or([1280.0, 800.0]))
        .with_maximized(kept.window.is_maximized && !has_own_size)
        .with_min_inner_size([640.0, 400.0])
        .with_icon(egui::IconData::default());
    // Hardly a surface fades into another one, and to dither them all costs something for each pixel.
    let native = eframe::NativeOptions {
        viewport,
        renderer: eframe::Renderer::Glow,
        dithering: false,
        ..eframe::NativeOptions::default()
    };
    let create = move |context: &eframe::CreationContext<'_>| {
        let ctx = &context.egui_ctx;
        fonts.install(ctx);
        kept.lay_out(ctx);
        if let Some(gl) = &context.gl {
            surface::look_at_renderer(ctx, gl);
        }
        let last_frame = LastFrame::default();
        engine.set_waker(Waker::from(Arc::new(Pace::new(ctx, &engine, last_frame.clone()))));
        let mut app = App::new(ctx, engine, CATALOGUE, kept.preferences.clone());
        match place.map(|path| Keeper::start(path, &kept)) {
            Some(Ok(keeper)) => app.keep(keeper, kept.window, has_own_size),
            Some(Err(error)) => app.toasts.push(format!("Could not keep the settings: {error}.")),
            None => {}
        }
        if let Some(notice) = notice {
            app.toasts.push(notice);
        }
        app.last_frame = last_frame;
        app.screenshot = screenshot;
        if let Some(id) = options.start_scenario {
            app.start(&id);
        }
        Ok(Box::new(app) as Box<dyn eframe::App>)
    };
    eframe::run_native("Task Lab", native, Box::new(create)).map_err(|error| match error {
        eframe::Error::WinitEventLoop(error) => WindowError::NoDisplay(error.to_string()),
        other => WindowError::Refused(other),
    })?;
    let failure = outcome.and_then(|outcome| outcome.lock().unwrap_or_else(PoisonError::into_inner).take()?.err());
    match (path, failure) {
        (Some(path), Some(source)) => Err(WindowError::Screenshot { path, source }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_display_names_the_command_that_works_without() {
        let error = WindowError::NoDisplay("x".to_owned()).to_string();
        assert!(error.contains("tasklab run"), "{error}");
    }
}
