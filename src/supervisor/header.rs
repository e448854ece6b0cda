//! The header's lines in the supervisor, which owns them: it carries out the app's requests, reports changes, and makes all lines safe
//! when the app has sent nothing for a second (a dead man's switch). It never waits, and no child inherits a line.

use std::collections::{BTreeMap, BTreeSet};
use std::os::fd::BorrowedFd;

use super::driven_lines::{DEAD_MAN, DrivenLines};
use super::line_request::{LineRequest, ReplyTo};
use super::protocol::Report;
use crate::gpio::{self, BoardKind, GpioError, Lines};
use crate::model::{Level, Line, Monotonic};

/// The lines, and the changes that the app knows.
#[derive(Debug)]
pub(super) struct Header {
    lines: Lines,
    /// The sequence number of the last edge that was reported.
    reported: u64,
    app_spoke_at: Monotonic,
}

impl Header {
    pub(super) fn open(now: Monotonic) -> Result<Self, GpioError> {
        Ok(Self { lines: Lines::new(gpio::open_board(&BoardKind::Auto)?), reported: 0, app_spoke_at: now })
    }

    /// Notes that the app has sent a request.
    pub(super) const fn app_spoke(&mut self, now: Monotonic) {
        self.app_spoke_at = now;
    }

    /// When [`check`](Self::check) has something to do, unless the app sends a request before.
    pub(super) fn deadline(&self) -> Option<Monotonic> {
        self.patience_ends_at().into_iter().chain(self.lines.due()).min()
    }

    /// When the app must have sent a request; `None` while no line is driven.
    fn patience_ends_at(&self) -> Option<Monotonic> {
        self.lines.is_driving().then(|| self.app_spoke_at + DEAD_MAN)
    }

    /// The driven lines, and those that a request may drive: the guard makes them safe, so it must know of a line before it is driven.
    pub(super) fn driven(&self, request: Option<&LineRequest>) -> DrivenLines {
        let mut board = self.lines.board_kind();
        let mut safe_levels: BTreeMap<Line, Level> = self.lines.safe_levels().into_iter().collect();
        let mut may_be_high: BTreeSet<Line> = self.lines.may_be_high().into_iter().collect();
        let mut add = |line: Line, safe: Level, owner: &str| {
            if self.lines.may_drive(line, owner).is_ok() {
                safe_levels.insert(line, safe);
                may_be_high.extend(self.lines.with_followers(line));
            }
        };
        match request {
            Some(LineRequest::Set { line, safe, owner, .. }) => add(*line, *safe, owner),
            Some(LineRequest::Toggle { line, owner }) => add(*line, self.lines.safe_level(*line), owner),
            Some(LineRequest::Wire { from, to }) if safe_levels.contains_key(from) => drop(may_be_high.insert(*to)),
            Some(LineRequest::Recover { board: other, driven, high }) => {
                board = other.clone().unwrap_or(board);
                for (line, safe) in driven {
                    safe_levels.entry(*line).or_insert(*safe);
                }
                may_be_high.extend(high);
            }
            _ => {}
        }
        let (safe_levels, may_be_high) = (safe_levels.into_iter().collect(), may_be_high.into_iter().collect());
        DrivenLines { board, safe_levels, may_be_high }
    }

    /// Descriptors that become readable when a watched line changes.
    pub(super) fn fds(&self) -> Vec<BorrowedFd<'_>> {
        self.lines.fds()
    }

    /// Makes all lines safe if the app has been silent for too long, and reports changes that have lasted long enough to count.
    pub(super) fn check(&mut self, now: Monotonic) -> Option<Report> {
        if self.patience_ends_at().is_none_or(|deadline| now < deadline) {
            return if self.lines.due().is_some_and(|due| now >= due) { self.collect(now) } else { None };
        }
        let done = self.lines.make_safe(now);
        let became = done.map_or_else(|error| error.to_string(), |()| "they were made safe".to_owned());
        let why = format!("the app said nothing for {} s while GPIO lines were driven: {became}", DEAD_MAN.as_secs());
        Some(self.report(None, Some(why)))
    }

    /// The changes since the last report, after one of [`fds`](Self::fds) has become readable.
    pub(super) fn collect(&mut self, now: Monotonic) -> Option<Report> {
        self.lines.collect(now);
        let edges = self.new_edges();
        (!edges.is_empty()).then_some(Report::Edges { reply_to: None, edges })
    }

    /// Makes all lines safe at the end, when nobody can be told any more of an error.
    pub(super) fn make_safe(&mut self, now: Monotonic) {
        let _ = self.lines.make_safe(now);
    }

    /// Carries out a request, and returns the answer.
    pub(super) fn handle(&mut self, reply_to: ReplyTo, request: LineRequest, now: Monotonic) -> Report {
        // If the owner of a line drives it again, its level changes and nothing else on the header.
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
                Ok(level) => return self.report_with_level(reply_to, line, level),
                Err(error) => Err(error),
            },
            LineRequest::Free { line, owner } => self.lines.release_line(line, &owner, now),
            LineRequest::Release { owner } => self.lines.release(&owner, now),
            LineRequest::Recover { board, driven, high } => {
                board.map_or(Ok(()), |kind| self.use_board(&kind)).and_then(|()| self.lines.recover(&driven, &high, now))
            }
        };
        match done {
            Ok(()) if changes_a_level => Report::Edges { reply_to: Some(reply_to), edges: self.new_edges() },
            done => self.report(Some(reply_to), done.err().map(|error| error.to_string())),
        }
    }

    fn use_board(&mut self, kind: &BoardKind) -> Result<(), GpioError> {
        gpio::open_board(kind).and_then(|board| self.lines.change_board(board))
    }

    /// A report of the whole header, with the edges since the last report.
    pub(super) fn report(&mut self, reply_to: Option<ReplyTo>, refused: Option<String>) -> Report {
        Report::Board { reply_to, board: self.lines.view(), edges: self.new_edges(), refused }
    }

    /// The same, with the level of a line that had to be claimed to be read.
    fn report_with_level(&mut self, reply_to: ReplyTo, line: Line, level: Level) -> Report {
        let mut board = self.lines.view();
        if let Some(pin) = board.pin_mut(line) {
            pin.level = Some(level);
        }
        Report::Board { reply_to: Some(reply_to), board, edges: self.new_edges(), refused: None }
    }

    fn new_edges(&mut self) -> Vec<gpio::Edge> {
        let edges = self.lines.edges_since(self.reported);
        self.reported = edges.last().map_or(self.reported, |edge| edge.sequence);
        edges
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::gpio::InputSettings;

    fn at(millis: u64) -> Monotonic {
        Monotonic::from_nanos(millis * 1_000_000)
    }

    fn header() -> Header {
        let mut header = Header::open(at(0)).expect("a board");
        header.handle(ReplyTo::Nobody, LineRequest::UseBoard(BoardKind::Simulated(None)), at(0));
        header
    }

    fn set(header: &mut Header, level: Level, now: Monotonic) -> Report {
        let request = LineRequest::Set { line: Line::gpio(17), level, safe: Level::Low, owner: "run 1".into() };
        header.handle(ReplyTo::Nobody, request, now)
    }

    #[test]
    fn a_silent_app_loses_its_lines_and_one_that_speaks_does_not() {
        let mut header = header();
        assert_eq!(header.deadline(), None, "nothing is driven");
        set(&mut header, Level::High, at(1));
        header.app_spoke(at(600));
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
        header.handle(ReplyTo::Nobody, LineRequest::Watch { line: Line::gpio(27), settings, owner: "you".into() }, at(1));
        let report = header.handle(ReplyTo::Nobody, LineRequest::Press { line: Line::gpio(27), is_pressed: true }, at(2));
        assert!(matches!(report, Report::Board { edges, .. } if edges.is_empty()));
        assert_eq!(header.deadline(), Some(at(12)));
        assert!(header.check(at(11)).is_none());
        assert!(
            matches!(header.check(at(13)), Some(Report::Edges { reply_to: None, edges }) if edges.len() == 1 && edges[0].t == at(12))
        );
        assert_eq!(header.deadline(), None);
    }

    fn requests() -> impl Strategy<Value = LineRequest> {
        let line = || (16..20_u8).prop_map(Line::gpio);
        let owner = || prop_oneof![Just("run 1".to_owned()), Just("you".to_owned())];
        let level = || prop_oneof![Just(Level::Low), Just(Level::High)];
        prop_oneof![
            (line(), level(), level(), owner()).prop_map(|(line, level, safe, owner)| LineRequest::Set {
                line,
                level,
                safe,
                owner
            }),
            (line(), owner()).prop_map(|(line, owner)| LineRequest::Toggle { line, owner }),
            (line(), owner()).prop_map(|(line, owner)| LineRequest::Watch { line, settings: InputSettings::default(), owner }),
            (line(), line()).prop_map(|(from, to)| LineRequest::Wire { from, to }),
            (line(), owner()).prop_map(|(line, owner)| LineRequest::Free { line, owner }),
            owner().prop_map(|owner| LineRequest::Release { owner }),
            (line(), level()).prop_map(|(line, safe)| LineRequest::Recover {
                board: None,
                driven: vec![(line, safe)],
                high: vec![line]
            }),
        ]
    }

    proptest! {
        /// Covers: F69, F76.
        #[test]
        fn the_guard_knows_of_each_line_before_it_is_driven(requests in proptest::collection::vec(requests(), 1..30)) {
            let mut header = header();
            for (time, request) in requests.into_iter().enumerate() {
                let told = header.driven(Some(&request));
                header.handle(ReplyTo::Nobody, request.clone(), at(time as u64));
                let now = header.driven(None);
                for (line, safe) in &now.safe_levels {
                    prop_assert!(told.safe_levels.contains(&(*line, *safe)), "{line} by {request:?}: {told:?}");
                }
                prop_assert!(now.may_be_high.iter().all(|line| told.may_be_high.contains(line)), "by {request:?}: {told:?}");
            }
        }
    }

    #[test]
    fn what_cannot_be_done_is_refused_with_the_reason() {
        let mut header = header();
        set(&mut header, Level::High, at(1));
        let report = header.handle(ReplyTo::Nobody, LineRequest::Toggle { line: Line::gpio(17), owner: "you".into() }, at(2));
        assert!(matches!(report, Report::Board { refused: Some(why), .. } if why.contains("run 1 holds it")));
    }
}
