//! `tasklab gpio`: the header from the command line. The supervisor owns the lines; whatever was driven is safe again when this
//! process ends, in whatever way. Runs on the main thread.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::{Args, Subcommand, ValueEnum};
use crossbeam_channel::RecvTimeoutError;
use serde_json::{Value, json};

use super::CliError;
use super::edges::{EdgeArguments, EdgeFiles};
use super::entry::{BoardChoice, Start, no_engine};
use super::interrupt::{Interrupts, cannot_wait};
use super::out::Out;
use super::record::refuse_the_same;
use crate::engine::{Command, Engine, EngineEvent, LineRequest, Options, SendError};
use crate::gpio::{Edge, InputSettings};
use crate::model::{BoardView, Event, EventKind, Level, Line, Monotonic, PinFunction, Pull, harmless};
use crate::sys::monotonic_now;

/// Edges and answers on the way to us.
const QUEUE: usize = 4_096;
/// How soon a signal that asks us to end is noticed, at the latest.
const SLICE: Duration = Duration::from_millis(50);
/// How long the supervisor may take for an answer: longer than until one that is stuck has been replaced.
const PATIENCE: Duration = Duration::from_secs(12);
/// How soon an engine that was busy is tried again.
const MOMENT: Duration = Duration::from_millis(1);
/// Who drives what is driven from here.
const OWNER: &str = "gpio";

/// Reads, drives and watches the lines of the 40-pin header. A pin is GPIO17 or BOARD11.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
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
    /// Drives each pin to the other level than it has, until the time is over or Ctrl-C
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
        /// End after so many changes
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
        #[arg(long = "for", value_name = "SECONDS", value_parser = super::entry::seconds)]
        time: Option<Duration>,
        /// End after so many changes
        #[arg(long, value_name = "N")]
        count: Option<u64>,
        /// The resistor to switch on
        #[arg(long, value_enum)]
        pull: Option<PullWord>,
        /// Changes that last less than this do not count, in seconds
        #[arg(long, value_name = "SECONDS", value_parser = super::entry::seconds)]
        debounce: Option<Duration>,
        #[command(flatten)]
        edges: EdgeArguments,
        /// Press and let go this pin's virtual button once (simulated board)
        #[arg(long, value_name = "PIN")]
        press: Vec<Line>,
        /// Which pins
        #[arg(required = true, value_name = "PIN")]
        pins: Vec<Line>,
    },
}

#[derive(Debug, Args)]
struct Common {
    #[command(flatten)]
    board: BoardChoice,
    /// Lines of JSON instead of sentences
    #[arg(long)]
    json: bool,
    /// A wire from an output to an input (simulated board), such as GPIO17=GPIO27
    #[arg(long, value_name = "PIN=PIN", value_parser = wire)]
    wire: Vec<(Line, Line)>,
}

#[derive(Debug, Args)]
struct Hold {
    /// How long, in seconds
    #[arg(long = "for", value_name = "SECONDS", value_parser = super::entry::seconds)]
    time: Option<Duration>,
    /// The level that a pin goes back to before it is given back
    #[arg(long, value_enum, default_value = "low")]
    safe: LevelWord,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum LevelWord {
    Low,
    High,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum PullWord {
    Up,
    Down,
    Off,
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

/// The shortest half period: beyond this the machine's timers decide, not we.
fn pause(text: &str) -> Result<Duration, String> {
    let pause = super::entry::seconds(text)?;
    if pause < Duration::from_micros(100) { Err("the shortest is 0.0001 s".to_owned()) } else { Ok(pause) }
}

/// Refuses a pin that is named twice, by whatever names: which level it is to have would depend on the order.
fn each_once(pins: impl IntoIterator<Item = Line>) -> Result<(), CliError> {
    let mut seen = BTreeSet::new();
    match pins.into_iter().find(|line| !seen.insert(*line)) {
        Some(line) => Err(CliError::Usage(format!("{line} (BOARD{}) is named twice: name each pin once", line.pin()))),
        None => Ok(()),
    }
}

/// Does what is asked, and returns the exit status.
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
        refuse_the_same(&edges.files().chain(common.board.files()).collect::<Vec<_>>())?;
        files = Some(EdgeFiles::create(edges)?);
    }
    let mut talk = Talk::open(common, start)?;
    talk.files = files;
    match &arguments.verb {
        Verb::List(_) => talk.list()?,
        Verb::Get { pins, .. } => talk.get(pins)?,
        Verb::Set { hold, pins, .. } => {
            for (line, level) in pins {
                talk.set(*line, *level, hold)?;
            }
            talk.hold(hold.time)?;
        }
        Verb::Toggle { hold, pins, .. } => {
            for line in pins {
                let level = talk.read(*line)?;
                talk.set(*line, !level, hold)?;
            }
            talk.hold(hold.time)?;
        }
        Verb::Blink { hold, every, count, pins, .. } => talk.blink(pins, hold, *every, *count)?,
        Verb::Watch { time, count, pull, debounce, press, pins, .. } => {
            talk.most = *count;
            let settings = InputSettings { pull: pull.map(PullWord::pull), debounce: *debounce };
            for line in pins {
                talk.ask(&LineRequest::Watch { line: *line, settings, owner: OWNER.to_owned() })?;
            }
            for line in press {
                // Both at once: how long it is down does not depend on how soon the first is answered.
                talk.send(&LineRequest::Press { line: *line, is_pressed: true })?;
                talk.ask(&LineRequest::Press { line: *line, is_pressed: false })?;
            }
            talk.hold(*time)?;
        }
    }
    talk.end()
}

impl PullWord {
    const fn pull(self) -> Pull {
        match self {
            Self::Up => Pull::Up,
            Self::Down => Pull::Down,
            Self::Off => Pull::Off,
        }
    }
}

/// The conversation with the supervisor, through the engine.
struct Talk {
    engine: Engine,
    interrupts: Interrupts,
    out: Out<io::Stdout>,
    is_json: bool,
    began: Monotonic,
    asked: u64,
    /// Edges that were told so far, and how many are wanted at most.
    edges: u64,
    most: Option<u64>,
    files: Option<EdgeFiles>,
}

impl Talk {
    fn open(common: &Common, start: Start<'_>) -> Result<Self, CliError> {
        let interrupts = Interrupts::block().map_err(|error| cannot_wait(&error))?;
        let options =
            Options { program: PathBuf::from("/proc/self/exe"), subscription: Some(QUEUE), board: common.board.board.clone() };
        let engine = start(&[], options).map_err(|error| no_engine(&error))?;
        interrupts.watch(engine.handle()).map_err(|error| cannot_wait(&error))?;
        let (out, is_json, began) = (Out::new(io::stdout()), common.json, monotonic_now());
        let mut talk = Self { engine, interrupts, out, is_json, began, asked: 0, edges: 0, most: None, files: None };
        for (from, to) in &common.wire {
            talk.ask(&LineRequest::Wire { from: *from, to: *to })?;
        }
        Ok(talk)
    }

    fn send(&mut self, request: &LineRequest) -> Result<u64, CliError> {
        self.asked += 1;
        let end = Instant::now() + PATIENCE;
        loop {
            match self.engine.handle().send(Command::Lines { ask: self.asked, request: request.clone() }) {
                Ok(()) => return Ok(self.asked),
                // Many were sent at once, to make up for lost time: the engine takes them one after the other.
                Err(SendError::Busy) if Instant::now() < end => self.heed(Some(Instant::now() + MOMENT))?,
                Err(error) => return Err(CliError::Missing(format!("could not reach the engine: {error}"))),
            }
        }
    }

    /// Asks, and waits for the answer.
    fn ask(&mut self, request: &LineRequest) -> Result<BoardView, CliError> {
        let mine = self.send(request)?;
        let end = Instant::now() + PATIENCE;
        while Instant::now() < end {
            match self.next(None)? {
                Some(EngineEvent::Board { refused: Some(refused), .. } | EngineEvent::Refused(refused)) => {
                    return Err(CliError::Missing(refused));
                }
                Some(EngineEvent::Board { ask, board, .. }) if ask == mine => return Ok(board.as_ref().clone()),
                _ => {}
            }
        }
        Err(CliError::Missing("the supervisor does not answer: whether what was driven is safe is not known".to_owned()))
    }

    /// What is told next, at most until a moment; edges are printed on the way.
    fn next(&mut self, until: Option<Instant>) -> Result<Option<EngineEvent>, CliError> {
        let gone = || CliError::Missing("lost the engine".to_owned());
        let slice = Instant::now() + SLICE;
        let until = until.map_or(slice, |until| until.min(slice));
        match self.engine.told().ok_or_else(gone)?.recv_deadline(until) {
            Ok(EngineEvent::Edge(edge)) => {
                if !self.has_all() {
                    self.edges += 1;
                    self.tell_edge(&edge)?;
                }
                Ok(None)
            }
            Ok(told) => Ok(Some(told)),
            Err(RecvTimeoutError::Timeout) => Ok(None),
            Err(RecvTimeoutError::Disconnected) => Err(gone()),
        }
    }

    fn print(&mut self, text: &str) -> Result<(), CliError> {
        self.out
            .write_all(format!("{text}\n").as_bytes())
            .and_then(|()| self.out.flush())
            .map_err(|error| CliError::output(&error))
    }

    fn tell_edge(&mut self, edge: &Edge) -> Result<(), CliError> {
        let Edge { line, level, .. } = *edge;
        let t = Monotonic::ZERO + edge.t.since(self.began);
        let event = Event { t, kind: EventKind::Gpio { line, level } };
        if let Some(files) = &mut self.files {
            files.hear(&event);
        }
        let text = if self.is_json { event.to_line() } else { format!("{:>10.6} {line} {}", t.secs(), level.value()) };
        self.print(&text)
    }

    fn list(&mut self) -> Result<(), CliError> {
        let board = self.ask(&LineRequest::Look)?;
        let text = if self.is_json { board_json(&board).to_string() } else { board_text(&board) };
        self.print(text.trim_end())
    }

    fn read(&mut self, line: Line) -> Result<Level, CliError> {
        let board = self.ask(&LineRequest::Read { line })?;
        let level = board.pin(line).and_then(|pin| pin.level);
        level.ok_or_else(|| CliError::Missing(format!("could not read {line}: the board does not tell its level")))
    }

    fn get(&mut self, pins: &[Line]) -> Result<(), CliError> {
        for line in pins {
            let level = self.read(*line)?;
            let text = if self.is_json {
                Event { t: Monotonic::ZERO + monotonic_now().since(self.began), kind: EventKind::Gpio { line: *line, level } }
                    .to_line()
            } else {
                format!("{line} {}", level.value())
            };
            self.print(&text)?;
        }
        Ok(())
    }

    fn set(&mut self, line: Line, level: Level, hold: &Hold) -> Result<(), CliError> {
        let safe = match hold.safe {
            LevelWord::Low => Level::Low,
            LevelWord::High => Level::High,
        };
        if let Some(note) = self.ask(&LineRequest::Look)?.pin(line).and_then(|pin| pin.note.as_deref()) {
            super::error::complain(&format!("note: {line}: {note}"));
        }
        self.ask(&LineRequest::Set { line, level, safe, owner: OWNER.to_owned() }).map(drop)
    }

    /// Whether as many edges were told as are wanted.
    fn has_all(&self) -> bool {
        self.most.is_some_and(|most| self.edges >= most)
    }

    /// Waits until the time is over, all edges that are wanted were told, or a signal asks us to end.
    fn hold(&mut self, time: Option<Duration>) -> Result<(), CliError> {
        // A time that no clock reaches is no limit.
        let until = time.and_then(|time| Instant::now().checked_add(time));
        while self.interrupts.caught().is_none() && until.is_none_or(|until| Instant::now() < until) && !self.has_all() {
            self.heed(until)?;
        }
        Ok(())
    }

    /// Takes what is told next; what was refused meanwhile ends us.
    fn heed(&mut self, until: Option<Instant>) -> Result<(), CliError> {
        match self.next(until)? {
            Some(EngineEvent::Board { refused: Some(refused), .. } | EngineEvent::Refused(refused)) => {
                Err(CliError::Missing(refused))
            }
            _ => Ok(()),
        }
    }

    fn blink(&mut self, pins: &[Line], hold: &Hold, every: Duration, count: Option<u64>) -> Result<(), CliError> {
        for line in pins {
            self.set(*line, Level::Low, hold)?;
        }
        let began = Instant::now();
        let until = hold.time.and_then(|time| began.checked_add(time));
        // Counted from the beginning, so that lateness does not add up. A moment that no clock reaches never comes.
        let due = |changes: u64| {
            let nanos = every.as_nanos().checked_mul(changes.into()).and_then(|nanos| u64::try_from(nanos).ok());
            nanos.and_then(|nanos| began.checked_add(Duration::from_nanos(nanos)))
        };
        let mut changes = 0;
        while count.is_none_or(|count| changes < count) {
            if !self.wait_for(due(changes), until)? {
                return Ok(());
            }
            for line in pins {
                self.send(&LineRequest::Toggle { line: *line, owner: OWNER.to_owned() })?;
            }
            changes += 1;
        }
        // The last level lasts as long as the others.
        self.wait_for(due(changes), until).map(drop)
    }

    /// Waits for a moment; `false` if the time is over before, or a signal asks us to end.
    fn wait_for(&mut self, moment: Option<Instant>, until: Option<Instant>) -> Result<bool, CliError> {
        while self.interrupts.caught().is_none() {
            let now = Instant::now();
            if until.is_some_and(|until| now >= until) {
                return Ok(false);
            }
            if moment.is_some_and(|moment| now >= moment) {
                return Ok(true);
            }
            self.heed(moment.into_iter().chain(until).min())?;
        }
        Ok(false)
    }

    /// Gives the lines back, tells the edges that this makes, and says how it ended.
    fn end(mut self) -> Result<u8, CliError> {
        self.ask(&LineRequest::Release { owner: OWNER.to_owned() })?;
        if let Some(mut files) = self.files {
            files.reach(Monotonic::ZERO + monotonic_now().since(self.began));
            files.finish("tasklab gpio watch")?;
        }
        Ok(self.interrupts.caught().map_or(0, |number| 128 + number as u8))
    }
}

fn board_text(board: &BoardView) -> String {
    let unknown = board.pull_unknown.as_ref().map(|unknown| format!("; pull {unknown}")).unwrap_or_default();
    let mut text = harmless(&format!("{} ({}){unknown}", board.name, board.backend)) + "\n";
    for (index, pin) in board.pins.iter().enumerate() {
        let mut rest: Vec<String> = Vec::new();
        rest.extend(direction(pin.function).map(str::to_owned));
        rest.extend(pin.level.map(|level| level.to_string()));
        rest.extend(pin.pull.map(|pull| pull.to_string()));
        rest.extend(pin.owner.clone());
        rest.extend(pin.note.clone());
        rest.retain(|word| !word.is_empty());
        let line = harmless(&format!("{:>2}  {:<7} {}", index + 1, pin.function, rest.join(", ")));
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

fn board_json(board: &BoardView) -> Value {
    let pins = board.pins.iter().enumerate().map(|(index, pin)| {
        json!({
            "pin": index + 1,
            "name": pin.function.to_string(),
            "direction": direction(pin.function).unwrap_or_default(),
            "level": pin.level.map(Level::value),
            "owner": pin.owner,
            "pull": pin.pull.map(|pull| pull.to_string()),
            "pull_unknown": board.why_no_pull(pin).map(ToString::to_string),
            "note": pin.note,
        })
    });
    json!({"board": board.name, "backend": board.backend, "pins": pins.collect::<Vec<_>>()})
}

const fn direction(function: PinFunction) -> Option<&'static str> {
    match function {
        PinFunction::Input(_) => Some("input"),
        PinFunction::Output(_) => Some("output"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{PinView, PullUnknown};

    /// A header of a ground pin, an input with a pull-up and one whose resistor nobody can tell.
    fn board() -> BoardView {
        let pulled = PinView { pull: Some(Pull::Up), ..PinView::new(PinFunction::Input(Line::gpio(2))) };
        BoardView {
            name: "Raspberry Pi 3 B".to_owned(),
            backend: "chardev".to_owned(),
            pull_unknown: Some(PullUnknown::WriteOnly { model: "Raspberry Pi 3 B".to_owned(), chip: "BCM2837A1".to_owned() }),
            pins: vec![PinView::new(PinFunction::Ground), pulled, PinView::new(PinFunction::Input(Line::gpio(3)))],
        }
    }

    /// Covers: F45.
    #[test]
    fn who_holds_a_pin_is_told_in_one_harmless_line() {
        let held = PinView { owner: Some("a\x1b[2J\u{202e}\nb".to_owned()), ..PinView::new(PinFunction::Input(Line::gpio(4))) };
        let text = board_text(&BoardView { name: "board\x07".to_owned(), pins: vec![held], ..board() });
        assert!(text.starts_with("board^G (chardev)") && text.ends_with(" 1  GPIO4   input, a^[[2J<U+202E> b\n"), "{text:?}");
        assert_eq!(text.lines().count(), 2);
    }

    #[test]
    fn a_resistor_that_cannot_be_read_is_said_to_be_so_with_the_reason() {
        let text = board_text(&board());
        let first = text.lines().next().unwrap_or_default();
        assert!(first.contains("pull cannot be read on this model") && first.contains("BCM2837A1"), "{first}");
        assert!(text.contains("GPIO2   input, pull-up\n") && text.ends_with("GPIO3   input\n"), "{text}");

        let json = board_json(&board());
        let of = |index: usize| (json["pins"][index]["pull"].as_str(), json["pins"][index]["pull_unknown"].as_str());
        assert_eq!(of(0), (None, None), "a ground pin has none");
        assert_eq!(of(1), (Some("pull-up"), None));
        assert!(of(2).0.is_none() && of(2).1.is_some_and(|why| why.contains("can only be written")), "{json}");
        let told = BoardView { pull_unknown: None, ..board() };
        assert!(board_json(&told)["pins"][2]["pull_unknown"].is_null() && !board_text(&told).contains("cannot"));
    }
}
