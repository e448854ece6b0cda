//! The requests of `tasklab gpio`, their answers, and the edges that are reported meanwhile. Runs on the main thread.

use std::io::{self, Write};
use std::time::{Duration, Instant};

use crossbeam_channel::RecvTimeoutError;

use super::arguments::{Common, Hold};
use super::header::{board_json, board_text};
use crate::cli::edges::EdgeFiles;
use crate::cli::error::{CliError, complain};
use crate::cli::interrupt::Interrupts;
use crate::cli::out::Out;
use crate::cli::start::{Start, start_engine};
use crate::engine::{Command, Engine, EngineEvent, LineRequest, SendError};
use crate::gpio::Edge;
use crate::model::{BoardView, Event, EventKind, Level, Line, Monotonic};
use crate::sys::monotonic_now;

/// Edges and answers that may wait for us.
const QUEUE: usize = 4_096;
/// A signal that asks us to end is noticed within this time.
const POLL: Duration = Duration::from_millis(50);
/// How long the supervisor may take to answer. Within this time one that is stuck has been replaced.
const ANSWER_LIMIT: Duration = Duration::from_secs(12);
/// How soon a busy engine is asked again.
const RETRY: Duration = Duration::from_millis(1);
/// The owner of the lines that this process drives.
pub(super) const OWNER: &str = "gpio";

/// Sends requests about lines to the supervisor, through the engine, and prints the edges that it reports.
pub(super) struct GpioClient {
    engine: Engine,
    interrupts: Interrupts,
    out: Out<io::Stdout>,
    is_json: bool,
    began: Monotonic,
    /// The number of the last request.
    requests: u64,
    /// Edges that were printed.
    edges: u64,
    /// How many edges are wanted, at most.
    pub(super) max_edges: Option<u64>,
    files: Option<EdgeFiles>,
}

impl GpioClient {
    /// Starts the engine and wires the simulated board. The edges also go to the files.
    pub(super) fn start(common: &Common, files: Option<EdgeFiles>, start: Start<'_>) -> Result<Self, CliError> {
        let (engine, interrupts) = start_engine(start, &[], &common.board.board, QUEUE, false)?;
        let (out, is_json, began) = (Out::new(io::stdout()), common.json, monotonic_now());
        let mut client = Self { engine, interrupts, out, is_json, began, requests: 0, edges: 0, max_edges: None, files };
        for (from, to) in &common.wire {
            client.ask(&LineRequest::Wire { from: *from, to: *to })?;
        }
        Ok(client)
    }

    /// Sends a request, and returns its number.
    pub(super) fn send(&mut self, request: &LineRequest) -> Result<u64, CliError> {
        self.requests += 1;
        let end = Instant::now() + ANSWER_LIMIT;
        loop {
            match self.engine.handle().send(Command::Lines { request_number: Some(self.requests), request: request.clone() }) {
                Ok(()) => return Ok(self.requests),
                // The engine handles requests one after the other, and many were sent at once to make up for lost time.
                Err(SendError::Busy) if Instant::now() < end => self.handle_next(Some(Instant::now() + RETRY))?,
                Err(error) => return Err(CliError::Missing(format!("could not reach the engine: {error}"))),
            }
        }
    }

    /// Sends a request, and waits for the answer.
    pub(super) fn ask(&mut self, request: &LineRequest) -> Result<BoardView, CliError> {
        let mine = self.send(request)?;
        let end = Instant::now() + ANSWER_LIMIT;
        while Instant::now() < end {
            match self.next(None)? {
                Some(EngineEvent::Board { refused: Some(refused), .. } | EngineEvent::Refused(refused)) => {
                    return Err(CliError::Missing(refused));
                }
                Some(EngineEvent::Board { request_number: Some(number), board, .. }) if number == mine => {
                    return Ok(board.as_ref().clone());
                }
                _ => {}
            }
        }
        Err(CliError::Missing("the supervisor does not answer: whether what was driven is safe is not known".to_owned()))
    }

    /// Waits for the next event until then, or less. Prints it, if it is an edge; returns any other.
    fn next(&mut self, until: Option<Instant>) -> Result<Option<EngineEvent>, CliError> {
        let gone = || CliError::Missing("lost the engine".to_owned());
        let soon = Instant::now() + POLL;
        let until = until.map_or(soon, |until| until.min(soon));
        match self.engine.events().ok_or_else(gone)?.recv_deadline(until) {
            Ok(EngineEvent::Edge(edge)) => {
                if !self.has_all() {
                    self.edges += 1;
                    self.print_edge(&edge)?;
                }
                Ok(None)
            }
            Ok(event) => Ok(Some(event)),
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

    fn print_edge(&mut self, edge: &Edge) -> Result<(), CliError> {
        let Edge { line, level, .. } = *edge;
        let t = Monotonic::ZERO + edge.t.since(self.began);
        let event = Event { t, kind: EventKind::Gpio { line, level } };
        if let Some(files) = &mut self.files {
            files.on_event(&event);
        }
        let text = if self.is_json { event.to_line() } else { format!("{:>10.6} {line} {}", t.secs(), level.value()) };
        self.print(&text)
    }

    pub(super) fn list(&mut self) -> Result<(), CliError> {
        let board = self.ask(&LineRequest::Look)?;
        let text = if self.is_json { board_json(&board).to_string() } else { board_text(&board) };
        self.print(text.trim_end())
    }

    pub(super) fn read(&mut self, line: Line) -> Result<Level, CliError> {
        let board = self.ask(&LineRequest::Read { line })?;
        let level = board.pin(line).and_then(|pin| pin.level);
        level.ok_or_else(|| CliError::Missing(format!("could not read {line}: the board does not tell its level")))
    }

    pub(super) fn get(&mut self, pins: &[Line]) -> Result<(), CliError> {
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

    pub(super) fn set(&mut self, line: Line, level: Level, hold: &Hold) -> Result<(), CliError> {
        let safe = hold.safe;
        if let Some(note) = self.ask(&LineRequest::Look)?.pin(line).and_then(|pin| pin.note.as_deref()) {
            complain(&format!("note: {line}: {note}"));
        }
        self.ask(&LineRequest::Set { line, level, safe, owner: OWNER.to_owned() }).map(drop)
    }

    /// Whether as many edges were printed as are wanted.
    fn has_all(&self) -> bool {
        self.max_edges.is_some_and(|most| self.edges >= most)
    }

    /// Waits until the time is over, all wanted edges are printed, or a signal asks us to end.
    pub(super) fn wait(&mut self, time: Option<Duration>) -> Result<(), CliError> {
        // A time that the clock cannot reach is no limit.
        let until = time.and_then(|time| Instant::now().checked_add(time));
        while self.interrupts.caught().is_none() && until.is_none_or(|until| Instant::now() < until) && !self.has_all() {
            self.handle_next(until)?;
        }
        Ok(())
    }

    /// Handles the next event. A refusal is an error.
    fn handle_next(&mut self, until: Option<Instant>) -> Result<(), CliError> {
        match self.next(until)? {
            Some(EngineEvent::Board { refused: Some(refused), .. } | EngineEvent::Refused(refused)) => {
                Err(CliError::Missing(refused))
            }
            _ => Ok(()),
        }
    }

    pub(super) fn blink(&mut self, pins: &[Line], hold: &Hold, every: Duration, count: Option<u64>) -> Result<(), CliError> {
        for line in pins {
            self.set(*line, Level::Low, hold)?;
        }
        let began = Instant::now();
        let until = hold.time.and_then(|time| began.checked_add(time));
        // Counted from the beginning, so that delays do not add up. A moment that the clock cannot reach never comes.
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
        // The last level lasts as long as each one before.
        self.wait_for(due(changes), until).map(drop)
    }

    /// Waits for a moment. Returns `false` if the time is over before it, or a signal asks us to end.
    fn wait_for(&mut self, moment: Option<Instant>, until: Option<Instant>) -> Result<bool, CliError> {
        while self.interrupts.caught().is_none() {
            let now = Instant::now();
            if until.is_some_and(|until| now >= until) {
                return Ok(false);
            }
            if moment.is_some_and(|moment| now >= moment) {
                return Ok(true);
            }
            self.handle_next(moment.into_iter().chain(until).min())?;
        }
        Ok(false)
    }

    /// Releases the lines, prints the edges that this makes, and returns the exit status.
    pub(super) fn end(mut self) -> Result<u8, CliError> {
        self.ask(&LineRequest::Release { owner: OWNER.to_owned() })?;
        if let Some(mut files) = self.files {
            files.advance(Monotonic::ZERO + monotonic_now().since(self.began));
            files.finish("tasklab gpio watch")?;
        }
        Ok(self.interrupts.caught().map_or(0, |number| 128 + number as u8))
    }
}
