//! `tasklab` without a command: how the window is to open. Reads arguments only; `main` opens the window.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::error::CliError;
use super::start::{BoardChoice, LanguageChoice};
use crate::model::seconds;
use crate::scenario;

/// How the window is to open.
#[derive(Debug, Default, Args)]
pub struct WindowArguments {
    /// Shows this scenario in the window, and starts it
    #[arg(long, value_name = "ID")]
    pub scenario: Option<String>,
    /// Which code of its scenarios it shows
    #[command(flatten)]
    pub code: LanguageChoice,
    /// Which board drives the pins
    #[command(flatten)]
    pub board: BoardChoice,
    /// How large the window opens, such as 1280x800
    #[arg(long, value_name = "WIDTHxHEIGHT", value_parser = size)]
    pub size: Option<[f32; 2]>,
    /// Saves a picture of the window to this PNG file, and closes it
    #[arg(long, value_name = "FILE")]
    pub screenshot: Option<PathBuf>,
    /// With --screenshot: how long after the start, in seconds
    #[arg(long, value_name = "SECONDS", default_value = "3", requires = "screenshot", value_parser = seconds)]
    pub after: Duration,
}

impl WindowArguments {
    /// Refuses a scenario that does not exist, before the window opens.
    pub(super) fn check(&self) -> Result<(), CliError> {
        let scenario = self.scenario.as_deref().map(scenario::find).transpose();
        scenario.map(drop).map_err(|error| CliError::Usage(error.to_string()))
    }
}

fn size(text: &str) -> Result<[f32; 2], String> {
    let side = |text: &str| text.parse::<u16>().ok().filter(|side| (320..=8192).contains(side)).map(f32::from);
    let sides = text.split_once('x').and_then(|(width, height)| Some([side(width)?, side(height)?]));
    sides.ok_or_else(|| format!("{text:?} is no size such as 1280x800 (each side from 320 to 8192)"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_has_two_sides_that_fit_a_screen() {
        assert_eq!(size("1280x800"), Ok([1280.0, 800.0]));
        for text in ["", "1280", "1280x", "0x800", "1280x-1", "9999x9999", "axb"] {
            assert!(size(text).is_err(), "{text}");
        }
    }
}
