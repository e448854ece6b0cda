//! Every lesson at its edges, in both languages: each of its actions pressed for each target, and each of its processes killed,
//! stopped or ended, all as early as possible. A walk over the whole catalogue; the suite takes a sample of it.
//!
//! `TASKLAB_STRESS=long` walks all of it; `TASKLAB_ONLY=schedule` all of one lesson.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use support::lesson::again::{CLAIMED_AT_TIMES, MEASURED, of};
use support::lesson::{self, OWN};
use support::runs::{engine, events_of, notices, outcome, request};
use support::stress::{Chance, is_long, say};
use support::{descendants_of, eventually, skipped};
use tasklab::engine::{Command, Engine, LaunchRequest, What};
use tasklab::model::{Action, Event, EventKind, ExitStatus, Fact, Language, Outcome, RunId, Sent, Signal, TaskState};
use tasklab::scenario::{ActionSpec, CATALOGUE, ParamKind, ParamSpec, Scenario};

use crate::alone;

/// How long the sample of the suite goes on before no more is begun.
const SAMPLE: Duration = Duration::from_secs(40);
/// Walks at the same time; each runs both languages one after the other.
const AT_ONCE: usize = 3;
/// Of one action, so many targets are pressed.
const MOST_PRESSES: usize = 60;

/// Lessons that do not end once each of their children is killed, as any program of their kind: one waits for what a killed one has not
/// done, one starts another for it. Their run ends at its time limit then.
const DO_NOT_END: &[&str] = &["joinable-queue", "process-pool", "across-systems"];
const SHORT: Duration = Duration::from_secs(20);

/// An early action on a lesson, as soon as one is possible.
#[derive(Debug, Clone, Copy)]
enum Way {
    /// One of its actions, for every target that it has.
    Press(&'static ActionSpec),
    /// All of its actions, likewise.
    PressAll(&'static [ActionSpec]),
    /// A signal to each process that it starts.
    Children(Signal),
    /// A signal to its body; where that stops, the run is ended as well.
    Body(Signal),
    /// The run is ended.
    End,
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Press(action) => write!(f, "every {}", action.usage()),
            Self::PressAll(_) => f.write_str("all actions"),
            Self::Children(signal) => write!(f, "{signal} to each child"),
            Self::Body(signal) => write!(f, "{signal} to the body"),
            Self::End => f.write_str("end"),
        }
    }
}

impl Way {
    fn of(scenario: &'static Scenario) -> Vec<Self> {
        let children = [Signal::KILL, Signal::TERM, Signal::STOP, Signal::SEGV].map(Self::Children);
        let body = [Signal::KILL, Signal::TERM, Signal::STOP].map(Self::Body);
        let presses = scenario.actions.iter().filter(|action| action.name != "step").map(Self::Press);
        let all = (scenario.actions.len() > 1).then_some(Self::PressAll(scenario.actions));
        presses.chain(all).chain(children).chain(body).chain([Self::End]).collect()
    }

    /// Whether the lesson may go on for ever then.
    fn may_go_on(self, scenario: &Scenario) -> bool {
        matches!(self, Self::Children(_)) && DO_NOT_END.contains(&scenario.id)
    }

    fn is_pressed(self) -> bool {
        matches!(self, Self::Press(_) | Self::PressAll(_))
    }
}

/// The targets of an action besides the tasks and processes that the lesson reports.
fn words(action: &ActionSpec) -> &'static [&'static str] {
    match action.target {
        "on|off" | "[on|off]" => &["on", "off"],
        "SIZE" => &["1", "32", "3000"],
        "METHOD" => &["fork", "spawn", "forkserver"],
        "WHAT=SECONDS" => &["produce=0", "consume=0"],
        "[HOST]" => &["localhost"],
        "TEXT" => &["some text"],
        "[light|heavy]" => &["light", "heavy"],
        "[screen|prices]" => &["screen", "prices"],
        "[PERCENT]" => &["80"],
        "[BOX[=NUMBER]]" => &["global=7"],
        "yes|no" => &["yes", "no"],
        _ => &[],
    }
}

/// A simulated user, who presses, kills and ends while a run goes on.
struct Hand<'e> {
    engine: &'e Engine,
    way: Way,
    run: Option<RunId>,
    /// The command of the body, once it runs.
    body: Vec<String>,
    pressed: BTreeMap<&'static str, BTreeSet<String>>,
}

impl Hand<'_> {
    fn see(&mut self, event: &Event) {
        match &event.kind {
            EventKind::RunStarted { run, .. } => self.begin(*run),
            EventKind::ProcessStarted { pid, name, argv, .. } => {
                match self.way {
                    _ if self.body.is_empty() => {
                        self.body.clone_from(argv);
                        if let Way::Body(signal) = self.way {
                            self.act(Sent::Signal(signal).to(*pid));
                        }
                        if let Way::Body(Signal::STOP) = self.way {
                            self.act(Action::End);
                        }
                        return;
                    }
                    // Between fork and exec, where the command is still the body's, it would hold up who starts it, too.
                    Way::Children(Signal::STOP) if *argv == self.body => {}
                    Way::Children(signal) => self.act(Sent::Signal(signal).to(*pid)),
                    _ => {}
                }
                self.press_for(name);
            }
            EventKind::TaskStarted { task, .. } => self.press_for(task),
            // "… there are a, b" names targets.
            EventKind::ActionRefused { why, .. } => {
                let why = why.to_string();
                if let Some((_, known)) = why.split_once("; there are ").or_else(|| why.split_once("; there is ")) {
                    known.split(", ").for_each(|known| self.press_for(known));
                }
            }
            _ => {}
        }
    }

    fn begin(&mut self, run: RunId) {
        self.run = Some(run);
        if let Way::End = self.way {
            self.act(Action::End);
        }
        for action in self.actions() {
            if action.target.is_empty() || action.target.starts_with('[') {
                self.press(action, "");
            }
            for word in words(action) {
                self.press(action, word);
            }
        }
    }

    fn actions(&self) -> Vec<&'static ActionSpec> {
        match self.way {
            Way::Press(action) => vec![action],
            Way::PressAll(actions) => actions.iter().collect(),
            _ => Vec::new(),
        }
    }

    /// Presses it for somebody of whom the lesson has just told.
    fn press_for(&mut self, target: &str) {
        for action in self.actions() {
            // An action without a target is pressed again and again.
            self.press(action, if action.target.is_empty() { "" } else { target });
        }
    }

    fn press(&mut self, action: &'static ActionSpec, target: &str) {
        let is_new = action.target.is_empty() || self.pressed.entry(action.name).or_default().insert(target.to_owned());
        let count = self.pressed.entry(action.name).or_default();
        if action.target.is_empty() {
            let number = count.len();
            count.insert(number.to_string());
        }
        if is_new && count.len() <= MOST_PRESSES {
            self.act(Action::from_words(action.name, target));
        }
    }

    fn act(&self, action: Action) {
        let Some(run) = self.run else { return };
        self.engine.handle().send(Command::Act { run, action }).expect("taken");
    }
}

/// With how much of everything a lesson runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Size {
    /// As nobody has set anything.
    Usual,
    /// As few tasks, rounds and seconds as it takes.
    Least,
}

impl Size {
    /// The value of a parameter, if it is not the default. Nobody presses anything more, so that patience ends soon.
    fn of(self, spec: &ParamSpec) -> Option<Value> {
        match spec.kind {
            ParamKind::Seconds { min, .. } if spec.name == "patience" => Some(json!(min.max(1.0))),
            ParamKind::Seconds { default, min, .. } if self == Self::Least => Some(json!(default.min(min.max(0.1)))),
            // Without a unit it is no number of anything.
            ParamKind::Count { min, .. } if self == Self::Least && !spec.unit.is_empty() => Some(json!(min)),
            _ => None,
        }
    }
}

fn launch(scenario: &Scenario, language: Language, size: Size) -> LaunchRequest {
    let params = scenario.params.iter().filter_map(|spec| Some((spec.name.to_owned(), size.of(spec)?))).collect();
    let what = What::Scenario { id: scenario.id.to_owned(), language, params };
    LaunchRequest { timeout: Some(lesson::HANG), ..request(what) }
}

fn facts(events: &[Event]) -> BTreeMap<&str, &Fact> {
    events
        .iter()
        .filter_map(|event| if let EventKind::Fact(fact) = &event.kind { Some((fact.id.as_str(), fact)) } else { None })
        .collect()
}

/// The faults of a run that was treated so.
fn faults(scenario: &Scenario, way: Way, events: &[Event]) -> Vec<String> {
    let mut faults = Vec::new();
    let (outcome, left) = outcome(events);
    // On a machine that is too busy to let a killed process end within seconds, it is counted; at the end of the walk it has gone.
    let is_late = notices(events).iter().any(|notice| notice.contains("did not die from SIGKILL"));
    if left > 0 && !is_late {
        faults.push(format!("{left} processes are left"));
    }
    if outcome == Outcome::TimedOut && !way.may_go_on(scenario) {
        faults.push("it hangs".to_owned());
    }
    let printed: Vec<u8> = events
        .iter()
        .filter_map(|event| if let EventKind::Output { bytes, .. } = &event.kind { Some(bytes.as_slice()) } else { None })
        .collect::<Vec<_>>()
        .concat();
    let printed = String::from_utf8_lossy(&printed).into_owned();
    // Two lessons show on purpose how an exception ends a thread. And a program whose child is killed may end by one.
    let is_shown = ["thread-basics", "lock"].contains(&scenario.id);
    let may_trace = matches!(way, Way::Children(_));
    if !is_shown && (printed.contains("panicked at") || printed.contains("Traceback") && !may_trace) {
        faults.push(format!("it printed: {printed}"));
    }
    // A claim about a process that was killed or stopped may fail, and the run's last sentence names the signal.
    if way.is_pressed() {
        let measured = of(MEASURED, scenario.id);
        let told = facts(events);
        for (id, fact) in &told {
            if !fact.holds && !measured.contains(id) {
                faults.push(format!("fact {id}: expected {}, observed {}", fact.expected, fact.observed));
            }
        }
        if told.is_empty() && outcome == Outcome::Failed {
            faults.push("it failed without a fact".to_owned());
        }
    }
    faults
}

/// The part in which both languages have to agree. The time of a signal and the order of all actions are chance.
#[derive(Debug)]
struct Gist {
    outcome: Option<Outcome>,
    /// Presses that were not done: the lesson refused them, or was over.
    refused: BTreeSet<String>,
    /// The facts that it claimed, but for those that depend on what others leave of the machine.
    claimed: BTreeSet<String>,
}

impl Gist {
    fn of(scenario: &Scenario, way: Way, events: &[Event]) -> Self {
        let outcome = (!matches!(way, Way::Children(_) | Way::Body(_))).then(|| outcome(events).0);
        if !matches!(way, Way::Press(_)) {
            return Self { outcome, refused: BTreeSet::new(), claimed: BTreeSet::new() };
        }
        let refused = |event: &Event| match &event.kind {
            EventKind::ActionRefused { action, .. } => Some(format!("{} {}", action.word(), action.target())),
            _ => None,
        };
        let may_lack = [OWN, CLAIMED_AT_TIMES].map(|list| of(list, scenario.id)).concat();
        let claimed = facts(events).into_keys().filter(|id| !may_lack.contains(id)).map(str::to_owned).collect();
        Self { outcome, refused: events.iter().filter_map(refused).collect(), claimed }
    }

    /// Whether both agree: in what they claimed only where the same presses came in time.
    fn agrees(&self, other: &Self) -> bool {
        self.outcome == other.outcome && (self.claimed == other.claimed || self.refused != other.refused)
    }
}

/// Walks one way in both languages; gives what is wrong.
fn walk(engine: &Engine, (scenario, way, size): Walk) -> Vec<String> {
    let mut all = Vec::new();
    let ran = lesson::BOTH.map(|language| {
        let mut hand = Hand { engine, way, run: None, body: Vec::new(), pressed: BTreeMap::new() };
        let began = Instant::now();
        let mut request = launch(scenario, language, size);
        if way.may_go_on(scenario) {
            request.timeout = Some(SHORT);
        }
        let events = events_of(engine, request, |event| hand.see(event));
        say(format_args!("{} {language}, {size:?}, {way}: {:?} in {:.1?}", scenario.id, outcome(&events).0, began.elapsed()));
        for fault in faults(scenario, way, &events) {
            all.push(format!("{} {language}, {size:?}, {way}: {fault}; {:?}", scenario.id, notices(&events)));
        }
        Gist::of(scenario, way, &events)
    });
    let [rust, python] = ran;
    if !rust.agrees(&python) {
        all.push(format!("{}, {size:?}, {way}: Rust and Python differ: {rust:?}, {python:?}", scenario.id));
    } else if rust.claimed != python.claimed {
        say(format_args!(
            "{}, {size:?}, {way}: other claims, as not the same presses came in time: {rust:?}, {python:?}",
            scenario.id
        ));
    }
    all
}

type Walk = (&'static Scenario, Way, Size);

/// Takes the ways from the list until it is empty or the time is over.
fn walker(ways: &Mutex<Vec<Walk>>, end: Instant) -> Vec<String> {
    let engine = engine(Some(1 << 14));
    let mut faults = Vec::new();
    while Instant::now() < end
        && let Some(next) = { ways.lock().expect("no panic").pop() }
    {
        let found = walk(&engine, next);
        for fault in &found {
            say(format_args!("FAULT {fault}"));
        }
        faults.extend(found);
    }
    faults
}

#[test]
fn everything_at_once_leaves_no_traceback_and_no_fact_that_blames_the_user() {
    let _alone = alone();
    let only = std::env::var("TASKLAB_ONLY").ok();
    let is_asked_for = |scenario: &Scenario| only.as_deref().is_none_or(|only| only.split(',').any(|id| id == scenario.id));
    let is_short = !is_long() && only.is_none();
    // A stopped process is waited for, half a minute here and there.
    let has_time = |way: &Way| !is_short || !matches!(way, Way::Children(Signal::STOP));
    let sizes: &[Size] = if is_short { &[Size::Least] } else { &[Size::Usual, Size::Least] };
    let mut ways: Vec<Walk> = Vec::new();
    for scenario in CATALOGUE.iter().filter(|scenario| is_asked_for(scenario)) {
        for way in Way::of(scenario).into_iter().filter(has_time) {
            ways.extend(sizes.iter().map(|size| (*scenario, way, *size)));
        }
    }
    let mut chance = Chance::start();
    for last in (1..ways.len()).rev() {
        ways.swap(last, chance.below(last + 1));
    }
    // They are taken from the end: what takes longer comes after the rest.
    ways.sort_by_key(|(.., size)| *size == Size::Least);
    let all = ways.len();
    let end = Instant::now() + if is_short { SAMPLE } else { Duration::from_hours(5) };
    let ways = Mutex::new(ways);
    let faults: Vec<String> = std::thread::scope(|scope| {
        let walkers: Vec<_> = (0..AT_ONCE).map(|_| scope.spawn(|| walker(&ways, end))).collect();
        walkers.into_iter().flat_map(|one| one.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
    });
    let walked = all - ways.into_inner().expect("no panic").len();
    say(format_args!("{walked} of {all} ways walked"));
    if is_short {
        let rest = "those with a stopped child, and each lesson in its usual size, are for TASKLAB_STRESS=long";
        skipped(format!("{} of {all} ways; {rest}", all - walked));
    }
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
    eventually("nothing is left", || descendants_of(std::process::id().cast_signed()).is_empty());
}

/// The events of a lesson when one of its processes gets a signal, once.
fn signaled(id: &str, language: Language, target: &str, signal: Signal) -> Vec<Event> {
    let engine = engine(Some(1 << 14));
    let scenario = lesson::scenario(id);
    let (mut run, mut pid, mut task) = (None, None, None);
    events_of(&engine, launch(scenario, language, Size::Least), |event| match &event.kind {
        EventKind::RunStarted { run: started, .. } => run = Some(*started),
        EventKind::ProcessStarted { pid: started, name, .. } if name == target => pid = Some(*started),
        // It runs its own code from then on.
        EventKind::TaskStarted { pid: of, task: name, .. } if pid == Some(*of) || name == target => {
            (pid, task) = (Some(*of), Some(name.clone()));
        }
        // An echo that has heard a word is one that main knows: of one that dies before, nobody learns how.
        EventKind::TaskChanged { task: of, state, .. }
            if pid.is_some() && task.as_ref() == Some(of) && (target == id || *state == TaskState::Running) =>
        {
            let action = Sent::Signal(signal).to(pid.take().expect("just seen"));
            let act = Command::Act { run: run.expect("begun"), action };
            engine.handle().send(act).expect("taken");
        }
        _ => {}
    })
}

/// A process of a lesson in Rust dies of the first SIGSEGV, as others do: Rust's runtime would take it for nothing.
#[test]
fn the_first_signal_kills_whatever_it_is() {
    let _alone = alone();
    for signal in [Signal::SEGV, Signal::BUS, Signal::ABRT, Signal::QUIT] {
        lesson::in_both(|language| {
            for (id, target) in [("pipe", "echo"), ("pipe", "pipe")] {
                let events = signaled(id, language, target, signal);
                let killed = |event: &Event| matches!(event.kind, EventKind::ProcessExited { status: ExitStatus::Signaled { signal: by, .. }, .. } if by == signal);
                let ends: Vec<_> = events
                    .iter()
                    .filter(|event| matches!(event.kind, EventKind::ProcessExited { .. } | EventKind::Action { .. }))
                    .collect();
                assert!(events.iter().any(killed), "{id} {language}, {signal} to {target}: {:?}, {ends:?}", notices(&events));
            }
        });
    }
}

/// Python and Rust ignore SIGPIPE: that it was sent is no sign that it did anything.
#[test]
fn a_signal_that_is_ignored_is_told() {
    let _alone = alone();
    lesson::in_both(|language| {
        let events = signaled("pipe", language, "echo", Signal::PIPE);
        let notices = notices(&events);
        let told = |text: &String| text.starts_with("echo (") && text.ends_with(") ignores SIGPIPE: nothing changes");
        assert!(notices.iter().any(told), "{language}: {notices:?}");
        assert_eq!(outcome(&events), (Outcome::Passed, 0), "{language}: {notices:?}");
    });
}
