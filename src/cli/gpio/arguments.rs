//! The command line of `tasklab gpio`. Pure.

use std::time::Duration;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Subcommand};

use crate::cli::edges::EdgeArguments;
use crate::cli::start::BoardChoice;
use crate::model::seconds;
use crate::model::{Level, Line, Pull};

/// Reads, drives and watches the lines of the 40-pin header. A pin is GPIO17 or BOARD11.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(super) verb: Verb,
}

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Shows all pins: what each is, its level, who holds it
    List(Common),
    /// Prints the level of each pin, 0 or 1
    Get {
        #[command(flatten)]
        common: Common,
        /// Which pins
        #[arg(required = true, value_name = "PIN")]
        pins: Vec<Line>,
    },
    /// Drives pins until the time is over or Ctrl-C; then they are safe again
    Set {
        #[command(flatten)]
        common: Common,
        #[command(flatten)]
        hold: Hold,
        /// Which pins to which level, each pin once, such as GPIO17=1
        #[arg(required = true, value_name = "PIN=0|1", value_parser = assignment)]
        pins: Vec<(Line, Level)>,
    },
    /// Drives each pin to the opposite of its level, until the time is over or Ctrl-C
    Toggle {
        #[command(flatten)]
        common: Common,
        #[command(flatten)]
        hold: Hold,
        /// Which pins, each once
        #[arg(required = true, value_name = "PIN")]
        pins: Vec<Line>,
    },
    /// Lets pins blink until the time or the count is over, or Ctrl-C
    Blink {
        #[command(flatten)]
        common: Common,
        #[command(flatten)]
        hold: Hold,
        /// Half a period: how long a pin stays high, and then low, in seconds
        #[arg(long, value_name = "SECONDS", default_value = "0.5", value_parser = pause)]
        every: Duration,
        /// Ends after so many changes
        #[arg(long, value_name = "N")]
        count: Option<u64>,
        /// Which pins, each once
        #[arg(required = true, value_name = "PIN")]
        pins: Vec<Line>,
    },
    /// Prints each change of inputs until the time or the count is over, or Ctrl-C
    Watch {
        #[command(flatten)]
        common: Common,
        /// How long, in seconds
        #[arg(long = "for", value_name = "SECONDS", value_parser = seconds)]
        time: Option<Duration>,
        /// Ends after so many changes
        #[arg(long, value_name = "N")]
        count: Option<u64>,
        /// The resistor to switch on
        #[arg(long, value_parser = PossibleValuesParser::new(["up", "down", "off"]).map(|word| pull(&word)))]
        pull: Option<Pull>,
        /// Changes that last less than this do not count, in seconds
        #[arg(long, value_name = "SECONDS", value_parser = seconds)]
        debounce: Option<Duration>,
        #[command(flatten)]
        edges: EdgeArguments,
        /// Presses and releases this pin's virtual button once (simulated board)
        #[arg(long, value_name = "PIN")]
        press: Vec<Line>,
        /// Which pins
        #[arg(required = true, value_name = "PIN")]
        pins: Vec<Line>,
    },
}

#[derive(Debug, Args)]
pub(super) struct Common {
    #[command(flatten)]
    pub(super) board: BoardChoice,
    /// Lines of JSON instead of sentences
    #[arg(long)]
    pub(super) json: bool,
    /// A wire from an output to an input (simulated board), such as GPIO17=GPIO27
    #[arg(long, value_name = "PIN=PIN", value_parser = wire)]
    pub(super) wire: Vec<(Line, Line)>,
}

#[derive(Debug, Args)]
pub(super) struct Hold {
    /// How long, in seconds
    #[arg(long = "for", value_name = "SECONDS", value_parser = seconds)]
    pub(super) time: Option<Duration>,
    /// The level to which a pin goes back at the end
    #[arg(long, default_value = "low", value_parser = PossibleValuesParser::new(["low", "high"]).map(|word| Level::high_if(word == "high")))]
    pub(super) safe: Level,
}

fn pull(word: &str) -> Pull {
    match word {
        "up" => Pull::Up,
        "down" => Pull::Down,
        _ => Pull::Off,
    }
}

fn assignment(text: &str) -> Result<(Line, Level), String> {
    let (pin, level) = text.split_once('=').ok_or_else(|| format!("{text:?} lacks the level: write {text}=1 or {text}=0"))?;
    let line = pin.parse::<Line>().map_err(|error| error.to_string())?;
    match level {
        "0" => Ok((line, Level::Low)),
        "1" => Ok((line, Level::High)),
        _ => Err(format!("{level:?} is no level: it is 0 or 1")),
    }
}

fn wire(text: &str) -> Result<(Line, Line), String> {
    let (from, to) = text.split_once('=').ok_or_else(|| format!("{text:?} lacks one end: write GPIO17=GPIO27"))?;
    let line = |pin: &str| pin.parse::<Line>().map_err(|error| error.to_string());
    Ok((line(from)?, line(to)?))
}

/// A half period. Below the shortest one the machine's timers would decide, not we.
fn pause(text: &str) -> Result<Duration, String> {
    let pause = seconds(text).map_err(|error| error.to_string())?;
    if pause < Duration::from_micros(100) { Err("the shortest is 0.0001 s".to_owned()) } else { Ok(pause) }
}
