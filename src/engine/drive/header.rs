//! The header as the engine knows it. Requests of bodies and users go to the supervisor, which owns the header; its answers become
//! events of the runs. Pure: it returns what is to be done.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use crate::engine::drive::effect::Effect;
use crate::engine::run::subscription::EngineEvent;
use crate::gpio::{BoardKind, Edge, InputSettings};
use crate::model::{BoardView, Level, Line, LineIntent, Monotonic, PinFunction, Pull, RunId};
use crate::supervisor::{LineRequest, ReplyTo, Request};

/// The interval between our signs of life while lines are driven. Several come within the second that the supervisor waits.
const HEARTBEAT: Duration = Duration::from_millis(250);

/// The interval between two reads of a real header, since other programs may change it unseen.
const LOOK: Duration = Duration::from_millis(500);

/// The state of the header.
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
    /// Requests without an answer yet, oldest first.
    unanswered: VecDeque<LineRequest>,
    left: Left,
}

/// Lines that lost supervisors have left, until a successor has made them safe.
#[derive(Debug, Default)]
struct Left {
    /// Why the last supervisor is lost.
    why: String,
    /// Lines that were driven, or may have been.
    driven: BTreeSet<Line>,
    /// Lines that were high, or may have been.
    high: BTreeSet<Line>,
    /// Whether the board was a real one.
    is_real: bool,
}

impl Header {
    /// Remembers a request for the supervisor that may have to take the place of this one.
    fn note(&mut self, request: &LineRequest) {
        match request {
            LineRequest::UseBoard(kind) => self.board = Some(kind.clone()),
            LineRequest::Set { line, safe, .. } => drop(self.safe.insert(*line, *safe)),
            LineRequest::Wire { from, to } => drop(self.wires.insert(*to, *from)),
            _ => {}
        }
        self.unanswered.push_back(request.clone());
    }

    /// The supervisor is lost, and its view of the header with it. It may have done the requests that it has not answered.
    pub(crate) fn forget(&mut self) {
        for request in self.unanswered.drain(..) {
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

    /// The time of our next sign of life to the supervisor; `None` while none is needed.
    pub(crate) fn next_heartbeat(&self) -> Option<Monotonic> {
        self.pause().map(|pause| self.spoke_at + pause)
    }

    fn pause(&self) -> Option<Duration> {
        let is_driving = self.view.pins.iter().any(|pin| pin.function.is_output());
        is_driving.then_some(HEARTBEAT).or_else(|| self.is_real().then_some(LOOK))
    }

    /// The next heartbeat, if it is due: a sign of life, or for a real header a request to read it.
    pub(super) fn heartbeat(&mut self, now: Monotonic) -> Option<Effect> {
        if self.next_heartbeat().is_none_or(|at| now < at) {
            return None;
        }
        self.spoke_at = now;
        Some(if self.is_real() { Effect::AskHeader(ReplyTo::Nobody, LineRequest::Look) } else { Effect::Request(Request::Ping) })
    }

    /// Passes a request on. Without a supervisor (`trouble` says why) it is refused at once.
    pub(super) fn ask(&mut self, reply_to: ReplyTo, request: LineRequest, trouble: Option<&str>) -> Vec<Effect> {
        if let Some(trouble) = trouble {
            return self.answer(reply_to, Some(format!("could not reach the header: {trouble}")));
        }
        self.note(&request);
        vec![Effect::Request(Request::Lines { reply_to, request })]
    }

    /// A supervisor that was killed has left its lines as they were. Its successor takes the same board, drives each line to its safe
    /// level and gives it back; then [`recovered`](Self::recovered) says so.
    pub(super) fn recover(&mut self, why: &str) -> Effect {
        why.clone_into(&mut self.left.why);
        let safe = |line: &Line| (*line, self.safe.get(line).copied().unwrap_or(Level::Low));
        let (driven, high) = (self.left.driven.iter().map(safe).collect(), self.left.high.iter().copied().collect());
        Effect::AskHeader(ReplyTo::Recovery, LineRequest::Recover { board: self.board.clone(), driven, high })
    }

    /// Whether a lost supervisor has left driven lines that are not safe yet.
    pub(super) fn is_unsafe(&self) -> bool {
        !self.left.driven.is_empty()
    }

    /// The successor has made the lines of a lost supervisor safe, or could not.
    fn recovered(&mut self, refused: Option<String>) -> Vec<Effect> {
        let Left { why, driven, is_real, .. } = std::mem::take(&mut self.left);
        let lines: Vec<String> = driven.iter().map(Line::to_string).collect();
        let lines = lines.join(", ");
        let refused = refused.or_else(|| {
            let is_another = is_real && !self.is_real();
            is_another.then(|| format!("the board is no longer there, but {}", self.view.name))
        });
        let became = match (refused, driven.is_empty()) {
            (None, true) => "no GPIO line was driven, and none is watched any more".to_owned(),
            (None, false) => format!("the lines that were driven are safe again: {lines}"),
            (Some(refused), true) => format!("no GPIO line was driven; {refused}"),
            (Some(refused), false) => format!("whether what was driven is safe is not known: {lines}; {refused}"),
        };
        let text = format!("{why}: {became}");
        let notice = (!driven.is_empty()).then(|| Effect::Notice(text.clone()));
        notice.into_iter().chain([self.publish(None, Some(text))]).collect()
    }

    /// Lines have changed their level, and nothing else on the header has changed.
    pub(super) fn levels_changed(&mut self, reply_to: Option<ReplyTo>, edges: Vec<Edge>) -> Vec<Effect> {
        let mut effects = self.edges(edges);
        if let Some(reply_to) = reply_to {
            self.unanswered.pop_front();
            effects.extend(self.answer(reply_to, None));
        }
        effects
    }

    /// The supervisor has sent the whole header.
    pub(super) fn board_changed(
        &mut self,
        reply_to: Option<ReplyTo>,
        board: BoardView,
        edges: Vec<Edge>,
        refused: Option<String>,
    ) -> Vec<Effect> {
        let mut effects = self.edges(edges);
        self.view = Arc::new(board);
        if reply_to.is_some() {
            self.unanswered.pop_front();
        }
        effects.extend(match reply_to {
            Some(ReplyTo::Recovery) => self.recovered(refused),
            reply_to => self.answer(reply_to.unwrap_or(ReplyTo::Nobody), refused),
        });
        effects
    }

    fn edges(&mut self, edges: Vec<Edge>) -> Vec<Effect> {
        if !edges.is_empty() {
            apply(Arc::make_mut(&mut self.view), &edges);
        }
        edges.into_iter().map(Effect::Edge).collect()
    }

    /// Answers a request. A refusal is also shown in the run that asked, or to the user.
    fn answer(&self, reply_to: ReplyTo, refused: Option<String>) -> Vec<Effect> {
        let request_number = if let ReplyTo::Command(number) = reply_to { Some(number) } else { None };
        let mut effects = vec![self.publish(request_number, refused.clone())];
        effects.extend(refused.map(|refused| match reply_to {
            ReplyTo::Run(run) => Effect::NoticeIn(run, refused),
            _ => Effect::Notice(refused),
        }));
        effects
    }

    fn publish(&self, request_number: Option<u64>, refused: Option<String>) -> Effect {
        Effect::Publish(EngineEvent::Board { request_number, board: Arc::clone(&self.view), refused })
    }

    /// Passes on what the body of a run intends for lines.
    pub(super) fn intended(&self, run: RunId, owner: &str, intents: Vec<LineIntent>) -> Vec<Effect> {
        let request = |intent| match intent {
            LineIntent::Drive(line, level) => LineRequest::Set { line, level, safe: Level::Low, owner: owner.to_owned() },
            LineIntent::Watch(line) => {
                // The button connects its line with ground, as in gpiozero, so that no resistor is needed.
                let settings = InputSettings { pull: Some(Pull::Up), debounce: self.is_real().then_some(BOUNCE) };
                LineRequest::Watch { line, settings, owner: owner.to_owned() }
            }
        };
        intents.into_iter().map(|intent| Effect::AskHeader(ReplyTo::Run(run), request(intent))).collect()
    }
}

/// The longest time that a real button bounces. A button on the screen does not bounce.
const BOUNCE: Duration = Duration::from_millis(5);

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::run::lines::USER;
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
        assert_eq!(pause(view("simulated", PinFunction::Output(Line::gpio(17)))), Some(HEARTBEAT));
        assert_eq!(pause(view("chardev", PinFunction::Input(Line::gpio(17)))), Some(LOOK));
        assert!(HEARTBEAT * 3 < crate::supervisor::DEAD_MAN);
    }

    /// A supervisor may have done its last requests before it died.
    #[test]
    fn what_may_be_high_is_made_safe_by_the_successor() {
        let mut header = Header { view: Arc::new(view("simulated", PinFunction::Output(Line::gpio(17)))), ..Header::default() };
        Arc::make_mut(&mut header.view).pins[12] =
            PinView { level: Some(Level::High), ..PinView::new(PinFunction::Input(Line::gpio(27))) };
        header.note(&LineRequest::Wire { from: Line::gpio(22), to: Line::gpio(5) });
        header.unanswered.clear();
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

    #[test]
    fn a_request_is_passed_on_or_answered_at_once_and_a_refusal_goes_to_who_asked() {
        let mut header = Header::default();
        let look = || LineRequest::Look;
        let command = ReplyTo::Command(7);
        let passed_on = header.ask(command, look(), None);
        assert!(matches!(passed_on.as_slice(), [Effect::Request(Request::Lines { reply_to: ReplyTo::Command(7), .. })]));
        let refused = header.ask(command, look(), Some("it is gone"));
        assert!(matches!(
            refused.as_slice(),
            [Effect::Publish(EngineEvent::Board { request_number: Some(7), refused: Some(_), .. }), Effect::Notice(_)]
        ));
        let line = Line::gpio(17);
        let intended = header.intended(RunId::new(3), "blink", vec![LineIntent::Drive(line, Level::High)]);
        let [Effect::AskHeader(reply_to, LineRequest::Set { owner, .. })] = intended.as_slice() else { panic!("{intended:?}") };
        assert_eq!(owner, "blink");
        let answered = header.board_changed(Some(*reply_to), BoardView::default(), Vec::new(), Some("no".to_owned()));
        let [Effect::Publish(_), Effect::NoticeIn(run, _)] = answered.as_slice() else { panic!("{answered:?}") };
        assert_eq!(*run, RunId::new(3));
    }

    #[test]
    fn what_became_of_driven_lines_is_told_once_the_successor_has_made_them_safe() {
        let mut header = Header { view: Arc::new(view("simulated", PinFunction::Output(Line::gpio(17)))), ..Header::default() };
        header.forget();
        assert!(header.is_unsafe());
        let Effect::AskHeader(reply_to, LineRequest::Recover { driven, .. }) = header.recover("it was killed") else {
            panic!("asked")
        };
        assert_eq!(driven, [(Line::gpio(17), Level::Low)]);
        let effects = header.board_changed(Some(reply_to), BoardView::default(), Vec::new(), None);
        let [Effect::Notice(text), Effect::Publish(_)] = effects.as_slice() else { panic!("{effects:?}") };
        assert_eq!(text, "it was killed: the lines that were driven are safe again: GPIO17");
        assert!(!header.is_unsafe());
    }
}
