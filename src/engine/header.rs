//! The header as the engine knows it: what bodies and users wish for it goes to the supervisor, which owns it; what it tells becomes
//! events of the runs. On the engine's thread.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::acting::Asked;
use super::engine_loop::EngineLoop;
use super::run::Wish;
use super::tap::Told;
use crate::gpio::{BoardKind, Edge, Level, Line, Watch};
use crate::model::{Action, BoardView, EventKind, Monotonic, PinFunction, Pull, RunId};
use crate::supervisor::{LineRequest, Request};

/// How often the supervisor is told that we live while lines are driven: some times within its patience of a second.
const BEAT: Duration = Duration::from_millis(250);

/// How often a real header is looked at: what other programs do with it tells nobody.
const LOOK: Duration = Duration::from_millis(500);

/// The owner of what a person drives, besides any run.
pub(super) const USER: &str = "you";

/// What is known of the header.
#[derive(Debug, Default)]
pub(super) struct Header {
    pub(super) view: Arc<BoardView>,
    spoke_at: Monotonic,
    /// The board that was asked for; `None` for the supervisor's own choice.
    board: Option<BoardKind>,
    /// The safe level of each line that was asked for.
    safe: BTreeMap<u8, Level>,
    /// What a lost supervisor has left driven, and the level that is safe for it.
    left: Vec<(u8, Level)>,
}

impl Header {
    /// What is asked of the supervisor, kept for the one that may have to take its place.
    pub(super) fn note(&mut self, request: &LineRequest) {
        match request {
            LineRequest::UseBoard(kind) => self.board = Some(kind.clone()),
            LineRequest::Set { line, safe, .. } => drop(self.safe.insert(*line, *safe)),
            _ => {}
        }
    }

    /// The supervisor is lost, and with it all that it has told.
    pub(super) fn forget(&mut self) {
        let driven = self.view.pins.iter().filter_map(|pin| match pin.function {
            PinFunction::Output(line) => Some((line, self.safe.get(&line).copied().unwrap_or(Level::Low))),
            _ => None,
        });
        self.left = driven.collect();
        self.view = Arc::default();
        self.spoke_at = Monotonic::ZERO;
    }

    /// Who holds a line, as far as is known.
    pub(super) fn owner(&self, line: Line) -> Option<&String> {
        self.view.pins.get(usize::from(line.pin()).saturating_sub(1))?.owner.as_ref()
    }

    /// When the supervisor must hear of us again; `None` while there is no need.
    pub(super) fn next_beat(&self) -> Option<Monotonic> {
        self.pause().map(|pause| self.spoke_at + pause)
    }

    fn pause(&self) -> Option<Duration> {
        let is_driving = self.view.pins.iter().any(|pin| matches!(pin.function, PinFunction::Output(_)));
        let is_real = !self.view.pins.is_empty() && self.view.backend != "simulated";
        is_driving.then_some(BEAT).or_else(|| is_real.then_some(LOOK))
    }
}

/// A button of a lesson connects its line with ground, as gpiozero has it, so that no resistor is needed; it may bounce for so long.
const BUTTON: Watch = Watch { pull: Some(Pull::Up), debounce: Some(Duration::from_millis(5)) };

/// What a run's body wishes is asked under numbers from here on, so that a refusal is told to that run.
const ASKS_OF_RUNS: u64 = 1 << 32;

/// The owner of what is made safe after a supervisor was lost.
const RECOVERY: &str = "recovery";

/// Sets the levels that these edges lead to.
fn apply(view: &mut BoardView, edges: &[Edge]) {
    for edge in edges {
        if let Some(pin) = view.pins.get_mut(usize::from(edge.line.pin()).saturating_sub(1)) {
            pin.level = Some(edge.level == Level::High);
        }
    }
}

impl EngineLoop {
    /// Tells the supervisor that we live and want our lines kept, or asks what a real header is like now.
    pub(super) fn beat(&mut self, now: Monotonic) {
        if self.retry_at.is_none() && self.header.next_beat().is_some_and(|at| now >= at) {
            self.header.spoke_at = now;
            let is_real = self.header.view.backend != "simulated";
            let request = if is_real { LineRequest::Look } else { LineRequest::Alive };
            self.request(&Request::Lines { ask: 0, request });
        }
    }

    /// Takes the board that was chosen.
    pub(super) fn use_board(&mut self, board: BoardKind) {
        if board != BoardKind::Auto {
            self.ask_header(0, LineRequest::UseBoard(board));
        }
    }

    /// Asks something of the header.
    pub(super) fn ask_header(&mut self, ask: u64, request: LineRequest) {
        self.header.note(&request);
        self.request(&Request::Lines { ask, request });
    }

    /// A supervisor that was killed has left its lines as they were: its successor takes the same board, drives each to its safe
    /// level and gives it back. Whoever drove them is told.
    pub(super) fn recover_lines(&mut self, why: &str) {
        if let Some(kind) = self.header.board.clone() {
            self.ask_header(0, LineRequest::UseBoard(kind));
        }
        let left = std::mem::take(&mut self.header.left);
        for (line, safe) in &left {
            let request = LineRequest::Set { line: *line, level: *safe, safe: *safe, owner: RECOVERY.to_owned() };
            self.request(&Request::Lines { ask: 0, request });
        }
        if !left.is_empty() {
            self.request(&Request::Lines { ask: 0, request: LineRequest::Release { owner: RECOVERY.to_owned() } });
            let refused = Some(format!("{why}: the lines that were driven are safe again"));
            self.tap.tell(Told::Board { ask: 0, board: Arc::clone(&self.header.view), refused });
        }
    }

    /// The whole header has been told.
    pub(super) fn board_changed(&mut self, ask: u64, board: BoardView, edges: &[Edge], refused: Option<String>, now: Monotonic) {
        self.lines_changed(edges, now);
        self.header.view = Arc::new(board);
        self.tap.tell(Told::Board { ask, board: Arc::clone(&self.header.view), refused: refused.clone() });
        let Some(refused) = refused else { return };
        let run = ask.checked_sub(ASKS_OF_RUNS).and_then(|run| self.find(RunId::new(run as u32)));
        match run {
            Some(index) => self.runs[index].emit(EventKind::Notice { text: refused }, now, &mut self.tap),
            None => self.notice(refused),
        }
    }

    /// Lines have changed their level.
    pub(super) fn lines_changed(&mut self, edges: &[Edge], now: Monotonic) {
        if edges.is_empty() {
            return;
        }
        apply(Arc::make_mut(&mut self.header.view), edges);
        for edge in edges {
            let line = edge.line.number();
            for index in 0..self.runs.len() {
                let run = &mut self.runs[index];
                let is_button = run.buttons.contains(&line);
                // An edge belongs to the run that owns or watches the line; any other to every run that goes on.
                let is_its = is_button || edge.owner.as_deref().is_none_or(|owner| owner == USER || owner == run.owner());
                if run.course.is_over() || !is_its {
                    continue;
                }
                run.edge(line, edge.level.value(), edge.t.min(now), &mut self.tap);
                if is_button && edge.level == Level::Low {
                    // A body that has ended or reads nothing misses it.
                    let target = edge.line.to_string();
                    let asked = Asked { action: Action::Press, target, by: USER.to_owned(), is_demo: false, at: now };
                    if let Err(why) = self.tell_body(index, &asked) {
                        self.runs[index].refuse(&asked, &why, now, &mut self.tap);
                    }
                }
            }
            self.tap.tell(Told::Edge(edge.clone()));
        }
        self.has_news = true;
    }

    /// A run is over, and gives its lines back; unless the same scenario runs once more and has them now.
    pub(super) fn release_lines(&mut self, run: usize) {
        let owner = self.runs[run].owner();
        let mut others = self.runs.iter().enumerate().filter(|(index, other)| *index != run && !other.course.is_over());
        if !others.any(|(_, other)| other.owner() == owner) {
            self.request(&Request::Lines { ask: 0, request: LineRequest::Release { owner } });
        }
    }

    /// What bodies wish for the header goes to the supervisor.
    pub(super) fn pass_on_lines(&mut self, run: usize) {
        let wishes = self.runs[run].take_wishes();
        if wishes.is_empty() {
            return;
        }
        let (owner, ask) = (self.runs[run].owner(), ASKS_OF_RUNS + u64::from(self.runs[run].id.number()));
        for wish in wishes {
            let owner = owner.clone();
            let request = match wish {
                Wish::Level(line, level) => LineRequest::Set { line, level, safe: Level::Low, owner },
                Wish::Button(line) => {
                    self.runs[run].buttons.insert(line.number());
                    LineRequest::Watch { line: line.number(), watch: BUTTON, owner }
                }
            };
            self.ask_header(ask, request);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::PinView;

    fn view(backend: &str, function: PinFunction) -> BoardView {
        let mut pins = vec![PinView::new(PinFunction::Ground); 40];
        pins[10] = PinView { level: Some(false), ..PinView::new(function) };
        BoardView { name: String::new(), backend: backend.to_owned(), pins, ..BoardView::default() }
    }

    #[test]
    fn an_edge_changes_its_pin_alone() {
        let mut board = view("simulated", PinFunction::Output(17));
        let line = Line::new(17).expect("a line");
        apply(&mut board, &[Edge { sequence: 1, t: Monotonic::ZERO, line, level: Level::High, owner: None }]);
        assert_eq!(board.pins[10].level, Some(true));
        assert!(board.pins.iter().enumerate().all(|(index, pin)| index == 10 || pin.level.is_none()));
    }

    #[test]
    fn the_supervisor_hears_of_us_while_lines_are_driven() {
        let pause = |board: BoardView| Header { view: Arc::new(board), ..Header::default() }.pause();
        assert_eq!(pause(BoardView::default()), None);
        assert_eq!(pause(view("simulated", PinFunction::Input(17))), None);
        assert_eq!(pause(view("simulated", PinFunction::Output(17))), Some(BEAT));
        assert_eq!(pause(view("chardev", PinFunction::Input(17))), Some(LOOK));
        assert!(BEAT * 3 < crate::supervisor::DEAD_MAN);
    }
}
