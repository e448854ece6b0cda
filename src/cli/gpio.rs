//! `tasklab gpio`: reads, drives and watches the 40-pin header. The supervisor owns the lines, so that every driven line is safe again when
//! this process ends, in whatever way. Runs on the main thread.

use std::collections::BTreeSet;

use self::arguments::Verb;
use self::client::{GpioClient, OWNER};
use super::edges::EdgeFiles;
use super::error::CliError;
use super::record::refuse_same_file;
use super::start::Start;
use crate::engine::LineRequest;
use crate::gpio::InputSettings;
use crate::model::Line;

mod arguments;
mod client;
mod header;

pub(super) use self::arguments::Arguments;

/// Does what the arguments say, and returns the exit status.
pub(super) fn gpio(arguments: &Arguments, start: Start<'_>) -> Result<u8, CliError> {
    match &arguments.verb {
        Verb::Set { pins, .. } => each_once(pins.iter().map(|(line, _)| *line))?,
        Verb::Toggle { pins, .. } | Verb::Blink { pins, .. } => each_once(pins.iter().copied())?,
        Verb::List(_) | Verb::Get { .. } | Verb::Watch { .. } => {}
    }
    let (Verb::List(common)
    | Verb::Get { common, .. }
    | Verb::Set { common, .. }
    | Verb::Toggle { common, .. }
    | Verb::Blink { common, .. }
    | Verb::Watch { common, .. }) = &arguments.verb;
    let mut files = None;
    if let Verb::Watch { edges, .. } = &arguments.verb {
        refuse_same_file(&edges.files().chain(common.board.files()).collect::<Vec<_>>())?;
        files = Some(EdgeFiles::create(edges)?);
    }
    let mut client = GpioClient::start(common, files, start)?;
    match &arguments.verb {
        Verb::List(_) => client.list()?,
        Verb::Get { pins, .. } => client.get(pins)?,
        Verb::Set { hold, pins, .. } => {
            for (line, level) in pins {
                client.set(*line, *level, hold)?;
            }
            client.wait(hold.time)?;
        }
        Verb::Toggle { hold, pins, .. } => {
            for line in pins {
                let level = client.read(*line)?;
                client.set(*line, !level, hold)?;
            }
            client.wait(hold.time)?;
        }
        Verb::Blink { hold, every, count, pins, .. } => client.blink(pins, hold, *every, *count)?,
        Verb::Watch { time, count, pull, debounce, press, pins, .. } => {
            client.max_edges = *count;
            let settings = InputSettings { pull: *pull, debounce: *debounce };
            for line in pins {
                client.ask(&LineRequest::Watch { line: *line, settings, owner: OWNER.to_owned() })?;
            }
            for line in press {
                // Both requests are sent at once, so that the press does not last until the first is answered.
                client.send(&LineRequest::Press { line: *line, is_pressed: true })?;
                client.ask(&LineRequest::Press { line: *line, is_pressed: false })?;
            }
            client.wait(*time)?;
        }
    }
    client.end()
}

/// Refuses a pin that is named twice, whether by one name or by two: the order would decide which level it gets.
fn each_once(pins: impl IntoIterator<Item = Line>) -> Result<(), CliError> {
    let mut seen = BTreeSet::new();
    match pins.into_iter().find(|line| !seen.insert(*line)) {
        Some(line) => Err(CliError::Usage(format!("{line} (BOARD{}) is named twice: name each pin once", line.pin()))),
        None => Ok(()),
    }
}
