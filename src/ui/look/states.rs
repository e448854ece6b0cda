//! How a state looks: glyph, word, colour and pattern, the same everywhere in the window. Pure; never colour alone.

use crate::model::{
    ExitStatus, Lane, LaneEnd, LaneNow, LaneSource, LaneState, Monotonic, Pid, ProcessRow, ProcessState, RunView, TaskState,
    ThreadSample, Tid, Times, Word,
};
use crate::ui::look::theme::{Palette, Tone};

/// One way to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Look {
    /// Made, not begun.
    Created,
    /// Could run.
    Ready,
    /// On a core.
    OnCore,
    /// Runs, as its program says.
    Running,
    /// Waits for something.
    Blocked,
    /// Sleeps.
    Sleeping,
    /// Stopped by a signal.
    Stopped,
    /// Ended and not waited on.
    Zombie,
    /// Ended well.
    Done,
    /// Ended badly.
    Failed,
    /// Not known.
    Unknown,
}

impl Look {
    /// Those that the timeline's legend names.
    pub const LEGEND: [Self; 6] = [Self::OnCore, Self::Ready, Self::Blocked, Self::Sleeping, Self::Stopped, Self::Zombie];
    /// Those that it names only where they occur.
    pub const RARE: [Self; 3] = [Self::Running, Self::Created, Self::Unknown];

    /// Its sign.
    pub const fn glyph(self) -> &'static str {
        match self {
            Self::Created => "◌",
            Self::Ready => "◇",
            Self::OnCore | Self::Running => "●",
            Self::Blocked => "⏳",
            Self::Sleeping => "🌙",
            Self::Stopped => "⏸",
            Self::Zombie => "☠",
            Self::Done => "✔",
            Self::Failed => "✖",
            Self::Unknown => "?",
        }
    }

    /// Its word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Ready => "ready",
            Self::OnCore => "on a core",
            Self::Running => "running",
            Self::Blocked => "blocked",
            Self::Sleeping => "sleeping",
            Self::Stopped => "stopped",
            Self::Zombie => "zombie",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
        }
    }

    /// Its colours.
    pub const fn tone(self, palette: &Palette) -> Tone {
        match self {
            Self::OnCore | Self::Running => palette.green,
            Self::Ready => palette.blue,
            Self::Blocked => palette.orange,
            Self::Stopped => palette.purple,
            Self::Zombie | Self::Failed => palette.vermilion,
            Self::Created | Self::Sleeping | Self::Done | Self::Unknown => palette.grey,
        }
    }

    /// Whether it is worth bold letters: somebody may have to act.
    pub const fn is_loud(self) -> bool {
        matches!(self, Self::Stopped | Self::Zombie | Self::Failed)
    }
}

impl From<TaskState> for Look {
    fn from(state: TaskState) -> Self {
        if state == TaskState::Failed { Self::Failed } else { LaneState::by_word(state).into() }
    }
}

impl From<LaneState> for Look {
    fn from(state: LaneState) -> Self {
        match state {
            LaneState::OnCore | LaneState::Mixed => Self::OnCore,
            LaneState::Running => Self::Running,
            LaneState::Ready => Self::Ready,
            LaneState::Blocked => Self::Blocked,
            LaneState::Sleeping => Self::Sleeping,
            LaneState::Stopped => Self::Stopped,
            LaneState::Zombie => Self::Zombie,
            LaneState::Created => Self::Created,
            LaneState::Unknown => Self::Unknown,
            LaneState::Nothing => Self::Done,
        }
    }
}

impl From<ProcessState> for Look {
    fn from(state: ProcessState) -> Self {
        match state {
            ProcessState::Running => Self::Running,
            ProcessState::DiskSleep => Self::Blocked,
            ProcessState::Stopped | ProcessState::TracingStop => Self::Stopped,
            ProcessState::Zombie => Self::Zombie,
            ProcessState::Dead => Self::Done,
            ProcessState::Starting => Self::Created,
            ProcessState::Sleeping | ProcessState::Idle | ProcessState::Parked | ProcessState::Unknown(_) => Self::Sleeping,
        }
    }
}

/// How something is, as every part of the window says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateView {
    /// How it looks.
    pub look: Look,
    /// Its state in a word or two: `on core 1`, `blocked`, `exited 3`.
    pub word: String,
    /// The reason or the work, and the holder: `lock counter, held by worker-2`; may be empty. Foreign text.
    pub about: String,
    /// The state that its program claims, where the kernel says another.
    pub claims: Option<TaskState>,
    /// Since when, where that is known; a time of the run.
    pub since: Option<Monotonic>,
    /// The core that it is on.
    pub core: Option<u16>,
}

impl StateView {
    fn new(look: Look, word: impl Into<String>) -> Self {
        Self { look, word: word.into(), about: String::new(), claims: None, since: None, core: None }
    }

    /// All of it: `blocked: lock counter, held by worker-2`, `ready (the code says running)`. With foreign text.
    pub fn words(&self) -> String {
        let about = if self.about.is_empty() { String::new() } else { format!(": {}", self.about) };
        let claims = self.claims.map_or_else(String::new, |claims| format!(" (the code says {})", claims.word()));
        format!("{}{about}{claims}", self.word)
    }
}

/// How a lane is now, or how it ended. Its row in the tree and its selection say the same.
pub fn of_lane(lane: &Lane) -> StateView {
    match (&lane.end, lane.now()) {
        (Some(LaneEnd::Done), _) => StateView::new(Look::Done, Look::Done.word()),
        (Some(LaneEnd::Failed(error)), _) => {
            StateView { about: error.to_string(), ..StateView::new(Look::Failed, Look::Failed.word()) }
        }
        (Some(LaneEnd::Exit(status)), _) if lane.is_part() => {
            StateView { about: "the end of its process".to_owned(), ..of_status(*status) }
        }
        (Some(LaneEnd::Exit(status)), _) => of_status(*status),
        (Some(LaneEnd::RunOver), _) => StateView::new(Look::Done, "ended with the run"),
        (None, Some(now)) => of_now(&now),
        (None, None) => StateView::new(Look::Created, Look::Created.word()),
    }
}

/// How a thread is of which only the end is known.
pub fn of_ended() -> StateView {
    StateView::new(Look::Done, Look::Done.word())
}

/// How a lane was at a time, with the label that belongs to it.
pub fn of_now(now: &LaneNow) -> StateView {
    let word = match (now.state, now.core, &now.shares) {
        (LaneState::OnCore, Some(core), _) => format!("on core {core}"),
        (LaneState::Mixed, _, Some(times)) if times.total() > 0 => main_shares(times),
        _ => now.state.word().to_owned(),
    };
    let state = now.shares.and_then(|times| times.largest()).unwrap_or(now.state);
    let about = match (now.state, &now.held_by) {
        // They say enough by themselves.
        (LaneState::Stopped | LaneState::Zombie | LaneState::Nothing, _) => String::new(),
        (_, Some(holder)) if now.label.is_empty() => format!("held by {holder}"),
        (_, Some(holder)) if Word::names(&now.label, holder) => now.label.to_string(),
        // A call that waits for the end of a process.
        (_, Some(holder)) if now.label.ends_with(')') => format!("{} for {holder}", now.label),
        (_, Some(holder)) => format!("{}, held by {holder}", now.label),
        (_, None) => now.label.to_string(),
    };
    // The interval of the shares is none of the states' own.
    let since = Some(now.since).filter(|_| now.state != LaneState::Mixed);
    StateView { look: state.into(), word, about, claims: now.claims, since, core: now.core }
}

/// `on a core 91 %, ready 6 %, blocked 3 %`, the largest first; of 0.
pub fn shares(times: &Times) -> String {
    let told = |(state, percent): &(LaneState, f64)| match percent {
        percent if *percent < 1.0 => format!("{} under 1 %", state.word()),
        percent => format!("{} {percent:.0} %", state.word()),
    };
    percents(times).iter().map(told).collect::<Vec<_>>().join(", ")
}

/// The two largest of them, for a narrow place.
fn main_shares(times: &Times) -> String {
    let percents = percents(times).into_iter().take(2).filter(|(_, percent)| *percent >= 1.0);
    percents.map(|(state, percent)| format!("{} {percent:.0} %", state.word())).collect::<Vec<_>>().join(", ")
}

/// The share of each state in the hundred, the largest first.
fn percents(times: &Times) -> Vec<(LaneState, f64)> {
    let total = times.total().max(1) as f64;
    let mut parts: Vec<_> =
        LaneState::TIMED.map(|state| (state, times.of(state))).into_iter().filter(|(_, time)| *time > 0).collect();
    parts.sort_by_key(|(_, time)| std::cmp::Reverse(*time));
    let mut percents: Vec<_> = parts.into_iter().map(|(state, time)| (state, time as f64 / total * 100.0)).collect();
    // Those under 1 are not told in numbers. The others add up to what they are together: the largest remainders are rounded up.
    let mut told: Vec<usize> = (0..percents.len()).filter(|&place| percents[place].1 >= 1.0).collect();
    let sum = |part: fn(f64) -> f64| told.iter().map(|&place| part(percents[place].1)).sum::<f64>();
    let up = (sum(|percent| percent).round() - sum(f64::floor)) as usize;
    told.sort_by(|&one, &other| percents[other].1.fract().total_cmp(&percents[one].1.fract()));
    for (rank, place) in told.into_iter().enumerate() {
        percents[place].1 = percents[place].1.floor() + if rank < up { 1.0 } else { 0.0 };
    }
    percents
}

/// How a process is: how it ended, else what its first thread does.
pub fn of_process(process: &ProcessRow, lane: Option<&Lane>) -> StateView {
    match (process.status, process.is_reaped()) {
        (Some(status), true) => of_status(status),
        (Some(_), false) => StateView { since: process.ended, ..StateView::new(Look::Zombie, Look::Zombie.word()) },
        (None, _) => {
            let first = || process.threads.iter().find(|thread| thread.tid.number() == process.pid.number());
            lane.map(of_lane)
                .or_else(|| first().map(|first| of_thread(first, None)))
                .unwrap_or_else(|| of_sample(process.state, ""))
        }
    }
}

/// How a thread is, by its lane; where the kernel tells nothing of it, by the last sample of /proc.
pub fn of_thread(thread: &ThreadSample, lane: Option<&Lane>) -> StateView {
    lane.map_or_else(|| of_sample(thread.state, &thread.waits_for), of_lane)
}

/// The lane of a thread, where the kernel says what it does.
pub fn kernel_lane(run: &RunView, pid: Pid, tid: Tid) -> Option<&Lane> {
    let lanes = run.lanes.iter().rev().map(|lane| &**lane);
    lanes.filter(|lane| is_of_kernel(lane)).find(|lane| lane.pid == pid && lane.tid == Some(tid))
}

/// Whether a lane says what the kernel knows, and not only what its program tells.
pub fn is_of_kernel(lane: &Lane) -> bool {
    lane.source != LaneSource::Words
}

fn of_status(status: ExitStatus) -> StateView {
    StateView::new(if status.is_success() { Look::Done } else { Look::Failed }, status_word(status))
}

/// As /proc tells it: a sleeper of which it is known what it waits for is blocked, unless that is only a time.
fn of_sample(state: ProcessState, waits_for: &str) -> StateView {
    let look = match Look::from(state) {
        Look::Sleeping if !waits_for.is_empty() && waits_for != TIMER => Look::Blocked,
        look => look,
    };
    let word = match state {
        ProcessState::Running | ProcessState::Sleeping | ProcessState::Stopped | ProcessState::Zombie => look.word(),
        other => other.word(),
    };
    let about = if matches!(look, Look::Blocked | Look::Sleeping) { waits_for.to_owned() } else { String::new() };
    StateView { about, ..StateView::new(look, word) }
}

/// What a sample says of a thread that waits for a time to pass.
const TIMER: &str = "a timer";

/// `exited 3`, `SIGKILL`: short enough for a table.
pub fn status_word(status: ExitStatus) -> String {
    match status {
        ExitStatus::Exited(code) => format!("exited {code}"),
        ExitStatus::Signaled { signal, .. } => signal.to_string(),
        ExitStatus::Unknown => "ended".to_owned(),
    }
}

/// Bytes for a narrow column: `812 K`, `3.1 M`, `2.0 G`.
pub fn short_bytes(bytes: u64) -> String {
    let bytes = bytes as f64;
    for (limit, unit, letter) in [(1024.0 * 1024.0, 1024.0, 'K'), (1024.0_f64.powi(3), 1024.0 * 1024.0, 'M')] {
        if bytes < limit {
            let value = bytes / unit;
            return if letter == 'K' { format!("{value:.0} {letter}") } else { format!("{value:.1} {letter}") };
        }
    }
    format!("{:.1} G", bytes / 1024.0_f64.powi(3))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Signal;
    use crate::ui::sample;

    fn process_look(row: &ProcessRow) -> (Look, String) {
        let view = of_process(row, None);
        (view.look, view.words())
    }

    #[test]
    fn a_dead_child_that_nobody_waited_on_is_a_zombie_and_a_reaped_one_shows_its_status() {
        let mut row = sample::process(4716, "sort");
        row.status = Some(ExitStatus::Exited(0));
        assert_eq!(process_look(&row).0, Look::Zombie);
        row.reaped = Some(row.ended.unwrap_or_default());
        assert_eq!(process_look(&row), (Look::Done, "exited 0".to_owned()));
        row.status = Some(ExitStatus::Signaled { signal: Signal::KILL, core_dumped: false });
        assert_eq!(process_look(&row), (Look::Failed, "SIGKILL".to_owned()));
        row.status = Some(ExitStatus::Unknown);
        assert_eq!(process_look(&row).0, Look::Failed, "nobody can say it went well");
        let lane = sample::kernel_lane(4716, "sort", 4716, &[(0.0, LaneState::OnCore, 1)]);
        assert_eq!(of_process(&row, Some(&lane)).words(), "ended", "how it ended is the row's to say");
    }

    #[test]
    fn a_child_that_nobody_has_looked_at_yet_is_starting() {
        let mut row = sample::process(4716, "sort");
        row.state = ProcessState::Starting;
        assert_eq!(process_look(&row), (Look::Created, "starting".to_owned()));
        row.state = ProcessState::Running;
        assert_eq!(process_look(&row).0, Look::Running);
    }

    #[test]
    fn a_lane_says_the_state_of_the_kernel_and_what_the_program_says_of_it() {
        use LaneState::{Blocked, OnCore, Ready, Sleeping, Stopped, Zombie};
        let mut lane = sample::kernel_lane(4712, "worker-1", 4712, &[(0.1, Ready, 0), (0.2, OnCore, 1)]);
        assert_eq!((of_lane(&lane).words(), of_lane(&lane).core), ("on core 1".to_owned(), Some(1)));
        lane.words.push(Monotonic::from_secs(0.2), TaskState::Running, &"job 3".into(), None, None);
        assert_eq!(of_lane(&lane).words(), "on core 1: job 3");
        lane.states.push(Monotonic::from_secs(0.3), Ready, 0);
        let ready = of_lane(&lane);
        assert_eq!((ready.look, ready.words()), (Look::Ready, "ready: job 3 (the code says running)".to_owned()));
        assert_eq!(ready.since, Some(Monotonic::from_secs(0.3)));
        lane.words.push(Monotonic::from_secs(0.4), TaskState::Waiting, &"lock counter".into(), Some(&"worker-2".into()), None);
        lane.states.push(Monotonic::from_secs(0.4), Blocked, 0);
        assert_eq!(of_lane(&lane).words(), "blocked: lock counter, held by worker-2");
        for (state, words) in [(Stopped, "stopped"), (Zombie, "zombie"), (Sleeping, "sleeping: lock counter, held by worker-2")] {
            lane.states.push(Monotonic::from_secs(0.5), state, 0);
            assert_eq!(of_lane(&lane).words(), words);
        }
        lane.end = Some(LaneEnd::Exit(ExitStatus::Exited(3)));
        assert_eq!((of_lane(&lane).look, of_lane(&lane).words()), (Look::Failed, "exited 3: the end of its process".to_owned()));
        lane.tid = Some(Tid::new(lane.pid.number()));
        assert_eq!(of_lane(&lane).words(), "exited 3", "the process itself");
    }

    #[test]
    fn the_percents_add_up_to_a_hundred() {
        let times = |parts: [u64; 3]| {
            let mut times = Times::default();
            let states = [LaneState::OnCore, LaneState::Ready, LaneState::Blocked];
            states.into_iter().zip(parts).for_each(|(state, part)| times.add(state, part));
            shares(&times)
        };
        assert_eq!(times([1, 1, 1]), "on a core 34 %, ready 33 %, blocked 33 %");
        assert_eq!(times([335, 335, 330]), "on a core 34 %, ready 33 %, blocked 33 %");
        assert_eq!(times([994, 6, 0]), "on a core 99 %, ready under 1 %");
    }

    #[test]
    fn where_only_sums_are_known_the_shares_are_said_and_the_largest_gives_the_look() {
        let mut lane = sample::kernel_lane(4712, "worker-1", 4712, &[]);
        lane.source = LaneSource::Shares;
        lane.states.push_mixed(Monotonic::from_secs(0.1), 7_000_000, 93_000_000, 100_000_000);
        lane.states.push_mixed(Monotonic::from_secs(0.2), 7_000_000, 93_000_000, 100_000_000);
        lane.words.push(Monotonic::from_secs(0.0), TaskState::Running, &"task 3".into(), None, None);
        assert_eq!((of_lane(&lane).look, of_lane(&lane).words()), (Look::Ready, "ready 93 %, on a core 7 %: task 3".to_owned()));
        let mut end = lane.clone();
        end.states.push(Monotonic::from_secs(0.3), LaneState::Nothing, 0);
        assert_eq!(of_lane(&end).words(), of_lane(&lane).words(), "as long as it was said to be");
        lane.states.push_mixed(Monotonic::from_secs(0.3), 10_000_000, 0, 100_000_000);
        lane.words.push(Monotonic::from_secs(0.3), TaskState::Waiting, &"the job".into(), Some(&"job".into()), None);
        assert_eq!(
            (of_lane(&lane).look, of_lane(&lane).words()),
            (Look::Blocked, "blocked 90 %, on a core 10 %: the job".to_owned())
        );
    }

    #[test]
    fn a_row_is_its_lane_where_the_kernel_tells_and_else_the_last_sample() {
        let mut run = (*sample::deadlock().runs[0]).clone();
        let (pid, tid) = (Pid::new(4711), Tid::new(4712));
        let thread = run.processes[0].threads[1].clone();
        assert!(kernel_lane(&run, pid, tid).is_none(), "its program's words are no truth about a thread");
        assert_eq!(of_thread(&thread, None).words(), "blocked: a lock");
        assert_eq!(of_process(&run.processes[0], None).words(), "blocked: a thread to end", "as its first thread");
        assert_eq!(of_sample(ProcessState::Sleeping, "a timer").words(), "sleeping: a timer");
        assert_eq!(of_sample(ProcessState::Stopped, "a signal to continue").words(), "stopped");
        run.lanes = vec![sample::kernel_lane(4712, "worker-1", 4712, &[(0.0, LaneState::OnCore, 3)]).into()];
        let lane = kernel_lane(&run, pid, tid);
        assert_eq!(of_thread(&thread, lane), of_lane(&run.lanes[0]));
        assert!(kernel_lane(&run, pid, Tid::new(4711)).is_none());
    }

    #[test]
    fn sizes_fit_a_narrow_column() {
        for (bytes, text) in [(0, "0 K"), (3_250_586, "3.1 M"), (2 << 30, "2.0 G")] {
            assert_eq!(short_bytes(bytes), text);
        }
    }
}
