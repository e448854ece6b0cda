//! The header as the engine knows it: what bodies and users intend for it goes to the supervisor, which owns it; what it tells becomes
//! events of the runs. On the engine's thread.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use crate::engine::drive::actions::ActionRequest;
use crate::engine::drive::engine_loop::EngineLoop;
use crate::engine::drive::subscription::EngineEvent;
use crate::gpio::{BoardKind, Edge, InputSettings};
use crate::model::{Action, BoardView, By, EventKind, Level, Line, LineIntent, Monotonic, PinFunction, Pull};
use crate::supervisor::{LineRequest, ReplyTo, Request};
use crate::sys::{is_readable, monotonic_now};

/// How often the supervisor is told that we live while lines are driven: some times within its patience of a second.
const BEAT: Duration = Duration::from_millis(250);

/// How often a real header is looked at: what other programs do with it tells nobody.
const LOOK: Duration = Duration::from_millis(500);

/// The owner of what a person drives, besides any run.
pub(crate) const USER: &str = "you";

/// What is known of the header.
#[derive(Debug, Default)]
pub(crate) struct Header {
    pub(crate) view: Arc<BoardView>,
    spoke_at: Monotonic,
    /// The board that was asked for; `None` for the supervisor's own choice.
    board: Option<BoardKind>,
    /// The safe level of each line that was asked for.
    safe: BTreeMap<Line, Level>,
    /// From each wire's input to the line that it follows.
    wires: BTreeMap<Line, Line>,
    /// What has no answer yet, oldest first.
    asked: VecDeque<LineRequest>,
    left: Left,
}

/// What lost supervisors have left, until a successor has made it safe.
#[derive(Debug, Default)]
struct Left {
    /// Why the last one is lost.
    why: String,
    /// Lines that were driven, or may have been.
    driven: BTreeSet<Line>,
    /// Lines that were high, or may have been.
    high: BTreeSet<Line>,
    /// Whether the board was a real one.
    is_real: bool,
}

impl Header {
    /// What is asked of the supervisor, kept for the one that may have to take its place.
    fn note(&mut self, request: &LineRequest) {
        match request {
            LineRequest::UseBoard(kind) => self.board = Some(kind.clone()),
            LineRequest::Set { line, safe, .. } => drop(self.safe.insert(*line, *safe)),
            LineRequest::Wire { from, to } => drop(self.wires.insert(*to, *from)),
            _ => {}
        }
        self.asked.push_back(request.clone());
    }

    /// The supervisor is lost, and with it all that it has told. What it was asked last it may have done.
    pub(crate) fn forget(&mut self) {
        for request in self.asked.drain(..) {
            match request {
                LineRequest::Set { line, .. } | LineRequest::Toggle { line, .. } => {
                    self.left.driven.insert(line);
                    self.left.high.insert(line);
                    self.left.high.extend(self.wires.iter().filter(|(_, from)| **from == line).map(|(to, _)| *to));
                }
                LineRequest::Watch { line, .. } | LineRequest::Press { line, .. } | LineRequest::Wire { to: line, .. } => {
                    self.left.high.insert(line);
                }
                _ => {}
            }
        }
        self.wires.clear();
        for pin in &self.view.pins {
            if let PinFunction::Output(line) = pin.function {
                self.left.driven.insert(line);
            }
            if let (Some(line), Some(Level::High)) = (pin.function.line(), pin.level) {
                self.left.high.insert(line);
            }
        }
        self.left.is_real |= self.is_real();
        self.view = Arc::default();
        self.spoke_at = Monotonic::ZERO;
    }

    fn is_real(&self) -> bool {
        !self.view.pins.is_empty() && self.view.backend != SIMULATED
    }

    /// Who holds a line, as far as is known.
    pub(crate) fn owner(&self, line: Line) -> Option<&String> {
        self.view.pin(line)?.owner.as_ref()
    }

    /// When the supervisor must hear of us again; `None` while there is no need.
    pub(crate) fn next_heartbeat(&self) -> Option<Monotonic> {
        self.pause().map(|pause| self.spoke_at + pause)
    }

    fn pause(&self) -> Option<Duration> {
        let is_driving = self.view.pins.iter().any(|pin| pin.function.is_output());
        is_driving.then_some(BEAT).or_else(|| self.is_real().then_some(LOOK))
    }
}

/// How long a real button may bounce. One on the screen does not, and may be let go sooner.
const BOUNCE: Duration = Duration::from_millis(5);

/// How long it may take to make lines safe while Task Lab ends.
const AT_THE_END: Duration = Duration::from_secs(3);

/// The backend that drives nothing but pins on the screen.
const SIMULATED: &str = "simulated";

/// Sets the levels that these edges lead to.
fn apply(view: &mut BoardView, edges: &[Edge]) {
    for edge in edges {
        if let Some(pin) = view.pin_mut(edge.line) {
            pin.level = Some(edge.level);
        }
    }
}

impl EngineLoop {
    /// Tells the supervisor that we live and want our lines kept, or asks what a real header is like now.
    pub(crate) fn heartbeat(&mut self, now: Monotonic) {
        if self.retry_at.is_none() && self.header.next_heartbeat().is_some_and(|at| now >= at) {
            self.header.spoke_at = now;
            if self.header.is_real() {
                self.ask_header(ReplyTo::Nobody, LineRequest::Look);
            } else {
                self.request(&Request::Ping);
            }
        }
    }

    /// Takes the board that was chosen.
    pub(crate) fn use_board(&mut self, board: BoardKind) {
        if board != BoardKind::Auto {
            self.ask_header(ReplyTo::Nobody, LineRequest::UseBoard(board));
        }
    }

    /// Asks something of the header; without a supervisor the answer is why not.
    pub(crate) fn ask_header(&mut self, reply_to: ReplyTo, request: LineRequest) {
        if let Some(trouble) = &self.trouble {
            let why = format!("could not reach the header: {trouble}");
            return self.answer(reply_to, Some(why));
        }
        self.header.note(&request);
        self.request(&Request::Lines { reply_to, request });
    }

    /// A supervisor that was killed has left its lines as they were: its successor takes the same board, drives each to its safe
    /// level and gives it back. Whoever has asked for something, or watches, is told.
    pub(crate) fn recover_lines(&mut self, why: &str) {
        let left = &mut self.header.left;
        why.clone_into(&mut left.why);
        let safe = |line: &Line| (*line, self.header.safe.get(line).copied().unwrap_or(Level::Low));
        let (driven, high) = (left.driven.iter().map(safe).collect(), left.high.iter().copied().collect());
        self.ask_header(ReplyTo::Recovery, LineRequest::Recover { board: self.header.board.clone(), driven, high });
    }

    /// At the end: what a lost supervisor has left is made safe now, since there will be no later.
    pub(crate) fn leave_lines_safe(&mut self) {
        if self.retry_at.is_none() {
            self.hear_supervisor();
        }
        if let Some(why) = self.lost.take() {
            self.lost_supervisor(&why);
        }
        if self.retry_at.is_some() && !self.header.left.driven.is_empty() {
            self.start_supervisor();
        }
        // A socket that is closed before the answer was read may take the request along (ECONNRESET).
        let end = monotonic_now() + AT_THE_END;
        while self.retry_at.is_none() && self.lost.is_none() && !self.header.left.driven.is_empty() && monotonic_now() < end {
            let _ = is_readable(&self.client, Duration::from_millis(100));
            self.hear_supervisor();
        }
    }

    /// What became of the lines that a lost supervisor has left.
    fn recovered(&mut self, refused: Option<String>) {
        let Left { why, driven, is_real, .. } = std::mem::take(&mut self.header.left);
        let lines: Vec<String> = driven.iter().map(Line::to_string).collect();
        let lines = lines.join(", ");
        let refused = refused.or_else(|| {
            let is_another = is_real && !self.header.is_real();
            is_another.then(|| format!("the board is no longer there, but {}", self.header.view.name))
        });
        let became = match (refused, driven.is_empty()) {
            (None, true) => "no GPIO line was driven, and none is watched any more".to_owned(),
            (None, false) => format!("the lines that were driven are safe again: {lines}"),
            (Some(refused), true) => format!("no GPIO line was driven; {refused}"),
            (Some(refused), false) => format!("whether what was driven is safe is not known: {lines}; {refused}"),
        };
        let text = format!("{why}: {became}");
        if !driven.is_empty() {
            self.notice(text.clone());
        }
        self.subscription.tell(EngineEvent::Board { ask: None, board: Arc::clone(&self.header.view), refused: Some(text) });
    }

    /// Lines have changed their level, and nothing else on the header has changed.
    pub(crate) fn levels_changed(&mut self, reply_to: Option<ReplyTo>, edges: &[Edge], now: Monotonic) {
        self.lines_changed(edges, now);
        if let Some(reply_to) = reply_to {
            self.header.asked.pop_front();
            self.answer(reply_to, None);
        }
    }

    /// The whole header has been told.
    pub(crate) fn board_changed(
        &mut self,
        reply_to: Option<ReplyTo>,
        board: BoardView,
        edges: &[Edge],
        refused: Option<String>,
        now: Monotonic,
    ) {
        self.lines_changed(edges, now);
        self.header.view = Arc::new(board);
        if reply_to.is_some() {
            self.header.asked.pop_front();
        }
        match reply_to {
            Some(ReplyTo::Recovery) => self.recovered(refused),
            reply_to => self.answer(reply_to.unwrap_or(ReplyTo::Nobody), refused),
        }
    }

    /// Tells whoever has asked, and a refusal to the run or the person, too.
    fn answer(&mut self, reply_to: ReplyTo, refused: Option<String>) {
        let ask = if let ReplyTo::Command(number) = reply_to { Some(number) } else { None };
        self.subscription.tell(EngineEvent::Board { ask, board: Arc::clone(&self.header.view), refused: refused.clone() });
        let Some(refused) = refused else { return };
        let now = monotonic_now();
        let run = if let ReplyTo::Run(run) = reply_to { self.find(run) } else { None };
        match run {
            Some(index) => self.runs[index].emit(EventKind::Notice { text: refused }, now, &mut self.subscription),
            None => self.notice(refused),
        }
    }

    /// Lines have changed their level.
    fn lines_changed(&mut self, edges: &[Edge], now: Monotonic) {
        if edges.is_empty() {
            return;
        }
        apply(Arc::make_mut(&mut self.header.view), edges);
        for edge in edges {
            for index in 0..self.runs.len() {
                let run = &mut self.runs[index];
                let is_button = run.buttons.contains(&edge.line);
                // An edge belongs to the run that owns or watches the line; any other to every run that goes on.
                let is_its = is_button || edge.owner.as_deref().is_none_or(|owner| owner == USER || owner == run.owner());
                if run.lifecycle.is_over() || !is_its {
                    continue;
                }
                run.edge(edge.line, edge.level, edge.t.min(now), &mut self.subscription);
                if is_button && edge.level == Level::Low {
                    // A body that has ended or reads nothing misses it.
                    let asked = ActionRequest { action: Action::Press(edge.line), by: By::You, is_demo: false, at: now };
                    if let Err(why) = self.tell_body(index, &asked) {
                        self.runs[index].refuse(&asked, why, now, &mut self.subscription);
                    }
                }
            }
            self.subscription.tell(EngineEvent::Edge(edge.clone()));
        }
        self.has_news = true;
    }

    /// A run is over, and gives its lines back; unless the same scenario runs once more and has them now.
    pub(crate) fn release_lines(&mut self, run: usize) {
        let owner = self.runs[run].owner();
        let mut others = self.runs.iter().enumerate().filter(|(index, other)| *index != run && !other.lifecycle.is_over());
        if !others.any(|(_, other)| other.owner() == owner) {
            self.ask_header(ReplyTo::Nobody, LineRequest::Release { owner });
        }
    }

    /// What bodies intend for the header goes to the supervisor.
    pub(crate) fn pass_on_lines(&mut self, run: usize) {
        let intents = self.runs[run].take_intents();
        if intents.is_empty() {
            return;
        }
        let (owner, reply_to) = (self.runs[run].owner(), ReplyTo::Run(self.runs[run].id));
        for intent in intents {
            let owner = owner.clone();
            let request = match intent {
                LineIntent::Drive(line, level) => LineRequest::Set { line, level, safe: Level::Low, owner },
                LineIntent::Watch(line) => {
                    self.runs[run].buttons.insert(line);
                    // It connects its line with ground, as gpiozero has it, so that no resistor is needed.
                    let settings = InputSettings { pull: Some(Pull::Up), debounce: self.header.is_real().then_some(BOUNCE) };
                    LineRequest::Watch { line, settings, owner }
                }
            };
            self.ask_header(reply_to, request);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::PinView;

    fn view(backend: &str, function: PinFunction) -> BoardView {
        let mut pins = vec![PinView::new(PinFunction::Ground); 40];
        pins[10] = PinView { level: Some(Level::Low), ..PinView::new(function) };
        BoardView { name: String::new(), backend: backend.to_owned(), pins, ..BoardView::default() }
    }

    #[test]
    fn an_edge_changes_its_pin_alone() {
        let mut board = view("simulated", PinFunction::Output(Line::gpio(17)));
        let line = Line::gpio(17);
        apply(&mut board, &[Edge { sequence: 1, t: Monotonic::ZERO, line, level: Level::High, owner: None }]);
        assert_eq!(board.pins[10].level, Some(Level::High));
        assert!(board.pins.iter().enumerate().all(|(index, pin)| index == 10 || pin.level.is_none()));
    }

    #[test]
    fn the_supervisor_hears_of_us_while_lines_are_driven() {
        let pause = |board: BoardView| Header { view: Arc::new(board), ..Header::default() }.pause();
        assert_eq!(pause(BoardView::default()), None);
        assert_eq!(pause(view("simulated", PinFunction::Input(Line::gpio(17)))), None);
        assert_eq!(pause(view("simulated", PinFunction::Output(Line::gpio(17)))), Some(BEAT));
        assert_eq!(pause(view("chardev", PinFunction::Input(Line::gpio(17)))), Some(LOOK));
        assert!(BEAT * 3 < crate::supervisor::DEAD_MAN);
    }

    /// What a supervisor was asked last it may have done before it died.
    #[test]
    fn what_may_be_high_is_made_safe_by_the_successor() {
        let mut header = Header { view: Arc::new(view("simulated", PinFunction::Output(Line::gpio(17)))), ..Header::default() };
        Arc::make_mut(&mut header.view).pins[12] =
            PinView { level: Some(Level::High), ..PinView::new(PinFunction::Input(Line::gpio(27))) };
        header.note(&LineRequest::Wire { from: Line::gpio(22), to: Line::gpio(5) });
        header.asked.clear();
        header.note(&LineRequest::Set { line: Line::gpio(22), level: Level::High, safe: Level::High, owner: USER.to_owned() });
        header.note(&LineRequest::Press { line: Line::gpio(6), is_pressed: true });
        header.forget();
        assert_eq!(header.left.driven, BTreeSet::from([17, 22].map(Line::gpio)));
        assert_eq!(header.left.high, BTreeSet::from([27, 22, 5, 6].map(Line::gpio)));
        assert!(!header.left.is_real && header.safe[&Line::gpio(22)] == Level::High);
        // The successor is lost before it has answered.
        header.note(&LineRequest::Recover { board: None, driven: Vec::new(), high: Vec::new() });
        header.forget();
        assert_eq!((header.left.driven.len(), header.left.high.len()), (2, 4), "it is still to be done");
    }
}
