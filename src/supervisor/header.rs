//! The header's lines in the supervisor, which owns them: what the app asks for, what it is told, and the dead man's switch that makes
//! all lines safe when the app says nothing for a second. Never waits; no child inherits a line.

use std::os::fd::BorrowedFd;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::guard::DrivenLines;
use super::protocol::Report;
use crate::gpio::{self, BoardKind, GpioError, InputSettings, Lines};
use crate::model::{Level, Line, Monotonic};

/// How long the app may say nothing while lines are driven.
pub const DEAD_MAN: Duration = Duration::from_secs(1);

/// The app's requests about the header. Each is answered once, whatever comes of it: by `Report::Board`, or by `Report::Edges` where nothing
/// else has changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum LineRequest {
    /// Take another board. Refused while a line is in use.
    UseBoard(BoardKind),
    /// Tell how the header is.
    Look,
    /// Drive a line.
    Set {
        /// Which.
        line: Line,
        /// To what.
        level: Level,
        /// The level that it goes back to when it is given back.
        safe: Level,
        /// On whose behalf.
        owner: String,
    },
    /// Drive a line to the other level than it has.
    Toggle {
        /// Which.
        line: Line,
        /// On whose behalf.
        owner: String,
    },
    /// Tell the edges of an input.
    Watch {
        /// Which.
        line: Line,
        /// How.
        settings: InputSettings,
        /// On whose behalf.
        owner: String,
    },
    /// Press a virtual button, or let it go.
    Press {
        /// Which.
        line: Line,
        /// Whether it is down.
        is_pressed: bool,
    },
    /// Lay a virtual wire.
    Wire {
        /// The output.
        from: Line,
        /// The input that follows it.
        to: Line,
    },
    /// Read a line, claiming it for a moment if there is no other way.
    Read {
        /// Which.
        line: Line,
    },
    /// Drive a line of an owner's to its safe level and give it back.
    Free {
        /// Which.
        line: Line,
        /// Whose.
        owner: String,
    },
    /// Drive all lines of an owner to their safe level and give them back.
    Release {
        /// Whose.
        owner: String,
    },
    /// Drive the lines that a lost supervisor has left driven to their safe level and give them back.
    Recover {
        /// The board that it was asked to take; `None` for its own choice.
        board: Option<BoardKind>,
        /// Lines that it drove, or may have driven, each with its safe level.
        driven: Vec<(Line, Level)>,
        /// Lines that were high, or may have been.
        high: Vec<Line>,
    },
}

/// The lines, and what the app knows of them.
#[derive(Debug)]
pub(super) struct Header {
    lines: Lines,
    told: u64,
    heard: Monotonic,
}

impl Header {
    pub(super) fn open(now: Monotonic) -> Result<Self, GpioError> {
        Ok(Self { lines: Lines::new(gpio::open_board(&BoardKind::Auto)?), told: 0, heard: now })
    }

    /// The app has said something.
    pub(super) const fn hear(&mut self, now: Monotonic) {
        self.heard = now;
    }

    /// When [`check`](Self::check) has something to do, unless the app says something before.
    pub(super) fn deadline(&self) -> Option<Monotonic> {
        self.patience_ends_at().into_iter().chain(self.lines.due()).min()
    }

    /// Until when the app must say something; `None` while nothing is driven.
    fn patience_ends_at(&self) -> Option<Monotonic> {
        self.lines.is_driving().then(|| self.heard + DEAD_MAN)
    }

    /// The lines as the guard must know them, should it have to make them safe.
    pub(super) fn driven(&self) -> DrivenLines {
        DrivenLines {
            board: self.lines.board_kind(),
            safe_levels: self.lines.safe_levels(),
            may_be_high: self.lines.may_be_high(),
        }
    }

    /// Descriptors that are readable when a watched line has changed.
    pub(super) fn fds(&self) -> Vec<BorrowedFd<'_>> {
        self.lines.fds()
    }

    /// Makes everything safe if the app has been silent for too long, and tells changes that have lasted long enough to count.
    pub(super) fn check(&mut self, now: Monotonic) -> Option<Report> {
        if self.patience_ends_at().is_none_or(|deadline| now < deadline) {
            return if self.lines.due().is_some_and(|due| now >= due) { self.collect(now) } else { None };
        }
        let done = self.lines.make_safe(now);
        let became = done.map_or_else(|error| error.to_string(), |()| "they were made safe".to_owned());
        let why = format!("the app said nothing for {} s while GPIO lines were driven: {became}", DEAD_MAN.as_secs());
        Some(self.report(None, Some(why)))
    }

    /// The changes since the last report, after [`fds`](Self::fds) said that something has.
    pub(super) fn collect(&mut self, now: Monotonic) -> Option<Report> {
        self.lines.collect(now);
        let edges = self.news();
        (!edges.is_empty()).then_some(Report::Edges { ask: None, edges })
    }

    /// At the end: nobody is there who could be told what has failed.
    pub(super) fn make_safe(&mut self, now: Monotonic) {
        let _ = self.lines.make_safe(now);
    }

    /// Does what is asked, and tells what came of it.
    pub(super) fn handle(&mut self, ask: u64, request: LineRequest, now: Monotonic) -> Report {
        // A line that its owner drives already changes its level, and nothing else on the header.
        let changes_a_level = match &request {
            LineRequest::Set { line, owner, .. } | LineRequest::Toggle { line, owner } => {
                self.lines.owner(*line) == Some(owner.as_str())
            }
            _ => false,
        };
        let done = match request {
            LineRequest::Look => Ok(()),
            LineRequest::UseBoard(kind) => self.use_board(&kind),
            LineRequest::Set { line, level, safe, owner } => self.lines.set(line, level, safe, &owner, now),
            LineRequest::Toggle { line, owner } => self.lines.toggle(line, &owner, now).map(drop),
            LineRequest::Watch { line, settings, owner } => self.lines.watch(line, settings, &owner),
            LineRequest::Press { line, is_pressed } => self.lines.press(line, is_pressed, now),
            LineRequest::Wire { from, to } => self.lines.wire(from, to, now),
            LineRequest::Read { line } => match self.lines.read(line) {
                Ok(level) => return self.report_with_level(ask, line, level),
                Err(error) => Err(error),
            },
            LineRequest::Free { line, owner } => self.lines.release_line(line, &owner, now),
            LineRequest::Release { owner } => self.lines.release(&owner, now),
            LineRequest::Recover { board, driven, high } => {
                board.map_or(Ok(()), |kind| self.use_board(&kind)).and_then(|()| self.lines.recover(&driven, &high, now))
            }
        };
        match done {
            Ok(()) if changes_a_level => Report::Edges { ask: Some(ask), edges: self.news() },
            done => self.report(Some(ask), done.err().map(|error| error.to_string())),
        }
    }

    fn use_board(&mut self, kind: &BoardKind) -> Result<(), GpioError> {
        gpio::open_board(kind).and_then(|board| self.lines.change_board(board))
    }

    /// The whole header, with the edges that led to it.
    pub(super) fn report(&mut self, ask: Option<u64>, refused: Option<String>) -> Report {
        Report::Board { ask, board: self.lines.view(), edges: self.news(), refused }
    }

    /// The same, for a line whose level only a claim could show.
    fn report_with_level(&mut self, ask: u64, line: Line, level: Level) -> Report {
        let mut board = self.lines.view();
        if let Some(pin) = board.pin_mut(line) {
            pin.level = Some(level);
        }
        Report::Board { ask: Some(ask), board, edges: self.news(), refused: None }
    }

    fn news(&mut self) -> Vec<gpio::Edge> {
        let edges = self.lines.edges_since(self.told);
        self.told = edges.last().map_or(self.told, |edge| edge.sequence);
        edges
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Monotonic {
        Monotonic::from_nanos(millis * 1_000_000)
    }

    fn header() -> Header {
        let mut header = Header::open(at(0)).expect("a board");
        header.handle(0, LineRequest::UseBoard(BoardKind::Simulated(None)), at(0));
        header
    }

    fn set(header: &mut Header, level: Level, now: Monotonic) -> Report {
        header.handle(0, LineRequest::Set { line: Line::gpio(17), level, safe: Level::Low, owner: "run 1".into() }, now)
    }

    #[test]
    fn a_silent_app_loses_its_lines_and_one_that_speaks_does_not() {
        let mut header = header();
        assert_eq!(header.deadline(), None, "nothing is driven");
        set(&mut header, Level::High, at(1));
        header.hear(at(600));
        assert!(header.check(at(1_500)).is_none(), "it spoke 900 ms ago");
        let Some(Report::Board { edges, refused: Some(why), .. }) = header.check(at(1_600)) else { panic!("it is over") };
        assert_eq!((edges.len(), edges[0].level), (1, Level::Low));
        assert!(why.contains("safe"), "{why}");
        assert_eq!(header.deadline(), None);
    }

    #[test]
    fn a_change_of_level_is_told_without_the_whole_header() {
        let mut header = header();
        assert!(matches!(set(&mut header, Level::High, at(1)), Report::Board { edges, .. } if edges.len() == 1));
        assert!(matches!(set(&mut header, Level::Low, at(2)), Report::Edges { edges, .. } if edges.len() == 1));
        assert!(matches!(set(&mut header, Level::Low, at(3)), Report::Edges { edges, .. } if edges.is_empty()), "none");
    }

    #[test]
    fn a_debounced_change_is_told_when_it_has_lasted() {
        let mut header = header();
        let settings = InputSettings { pull: None, debounce: Some(Duration::from_millis(10)) };
        header.handle(1, LineRequest::Watch { line: Line::gpio(27), settings, owner: "you".into() }, at(1));
        let report = header.handle(2, LineRequest::Press { line: Line::gpio(27), is_pressed: true }, at(2));
        assert!(matches!(report, Report::Board { edges, .. } if edges.is_empty()));
        assert_eq!(header.deadline(), Some(at(12)));
        assert!(header.check(at(11)).is_none());
        assert!(
            matches!(header.check(at(13)), Some(Report::Edges { ask: None, edges }) if edges.len() == 1 && edges[0].t == at(12))
        );
        assert_eq!(header.deadline(), None);
    }

    #[test]
    fn what_cannot_be_done_is_refused_with_the_reason() {
        let mut header = header();
        set(&mut header, Level::High, at(1));
        let report = header.handle(0, LineRequest::Toggle { line: Line::gpio(17), owner: "you".into() }, at(2));
        assert!(matches!(report, Report::Board { refused: Some(why), .. } if why.contains("run 1 holds it")));
    }
}
