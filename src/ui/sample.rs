//! Snapshots made by hand, for benchmarks and for the tests of the views. Nothing in the program shows them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::model::{
    BoardView, Comparison, CoreLane, ExitStatus, Fact, Lane, LaneEnd, LaneId, LaneSource, LaneState, Language, Level, Line,
    LoadSample, LogEntry, MachineSample, Mark, MarkKind, Measured, Monotonic, Outcome, OutputView, Pgid, Pid, PinFunction,
    PinView, ProcessRow, ProcessState, Progress, RunCost, RunId, RunState, RunView, Severity, Sid, Signal, Snapshot, States,
    Stream, SystemView, TaskSort, TaskState, ThreadSample, Tid, Variant, Words,
};

/// A snapshot of one running run with `rows` of everything: processes, lanes, facts, output lines and log entries.
pub fn snapshot(rows: usize) -> Snapshot {
    let mut run = run(1, "thread-pool");
    run.processes = (0..rows).map(sample_process).collect();
    run.lanes = (0..rows).map(lane).collect();
    run.facts = (0..rows)
        .map(|index| Fact {
            id: format!("fact-{index}"),
            claim: format!("claim {index} is checked on what happened in this run"),
            expected: "> 0".into(),
            observed: index.into(),
            holds: index % 5 != 1,
        })
        .collect();
    run.log = (0..rows)
        .map(|index| LogEntry {
            t: Monotonic::from_secs(index as f64 * 0.013),
            text: format!("worker-{index} got the lock that worker-{} released.", index + 1).into(),
            severity: [Severity::Info, Severity::User, Severity::Good, Severity::Bad][index % 4],
        })
        .collect();
    let lines: Vec<_> = (0..rows).map(|index| format!("line {index} of what the worker wrote")).collect();
    let text = lines.join("\n");
    let newest = text.len().saturating_sub(64 * 1024);
    run.outputs = [Stream::Stdout, Stream::Stderr]
        .into_iter()
        .map(|stream| OutputView {
            pid: Pid::new(4711),
            name: "worker".to_owned(),
            stream,
            tail: text[newest..].into(),
            kept: text.len() as u64,
            dropped: 0,
            is_closed: false,
        })
        .collect();
    Snapshot { sequence: 1, system: system(4), runs: vec![Arc::new(run)], board: Arc::new(board()), ..Snapshot::default() }
}

/// The machine's monotonic clock, in seconds.
const UPTIME: f64 = 1_000.0;

/// A run without anything in it.
pub fn run(id: u32, scenario: &str) -> RunView {
    RunView {
        id: RunId::new(id),
        scenario: scenario.to_owned(),
        title: scenario.to_owned(),
        language: Language::Rust,
        params: BTreeMap::new(),
        source: None,
        state: RunState::Running,
        began: Monotonic::from_secs(UPTIME - 2.0),
        elapsed: Monotonic::from_secs(2.0),
        processes: Vec::new(),
        lanes: Vec::new(),
        cores: Vec::new(),
        lines: Vec::new(),
        outputs: Vec::new(),
        facts: Vec::new(),
        so_far: Vec::new(),
        things: Vec::new(),
        values: BTreeMap::new(),
        findings: Vec::new(),
        cost: RunCost::default(),
        log: Arc::new([]),
        events: 0,
    }
}

/// A sleeping process.
pub fn process(pid: i32, name: &str) -> ProcessRow {
    ProcessRow {
        pid: Pid::new(pid),
        ppid: Pid::new(4700),
        pgid: Pgid::new(pid),
        sid: Sid::new(4700),
        depth: 0,
        name: name.to_owned(),
        command: name.into(),
        state: ProcessState::Sleeping,
        status: None,
        reaped: None,
        is_orphan: false,
        cpu: 0.0,
        rss: 3_250_586,
        core: 0,
        threads: Vec::new(),
        pipe: None,
        started: Monotonic::ZERO,
        ended: None,
    }
}

fn sample_process(index: usize) -> ProcessRow {
    let mut row = process(4711 + index as i32, &format!("worker-{index}"));
    row.depth = u16::from(index > 0);
    row.cpu = (index % 100) as f32;
    row.core = (index % 4) as u16;
    if index % 10 == 9 {
        row.state = ProcessState::Zombie;
        row.status = Some(ExitStatus::Exited(0));
    }
    row
}

/// A thread.
pub fn thread(tid: i32, name: &str, state: ProcessState, waits_for: &str) -> ThreadSample {
    ThreadSample { tid: Tid::new(tid), name: name.to_owned(), state, cpu: 0.0, core: 1, waits_for: waits_for.to_owned() }
}

/// A piece of a lane, as a program tells it.
#[derive(Debug, Clone)]
pub struct Segment {
    /// From.
    pub from: Monotonic,
    /// Until; `None` while it lasts.
    pub until: Option<Monotonic>,
    /// The state.
    pub state: TaskState,
    /// The label.
    pub note: Arc<str>,
    /// The task that holds what it waits on.
    pub held_by: Option<Arc<str>>,
    /// The task that let it go on.
    pub woken_by: Option<Arc<str>>,
}

/// A piece of a lane without holder and waker.
pub fn segment(from: f64, until: Option<f64>, state: TaskState, note: &str) -> Segment {
    Segment {
        from: Monotonic::from_secs(from),
        until: until.map(Monotonic::from_secs),
        state,
        note: note.into(),
        held_by: None,
        woken_by: None,
    }
}

fn lane(index: usize) -> Arc<Lane> {
    let start = (index % 7) as f64 * 0.02;
    let pieces = [
        segment(start, Some(0.4), TaskState::Ready, ""),
        segment(0.4, Some(0.9), TaskState::Running, "A"),
        segment(0.9, Some(1.3), TaskState::Sleeping, ""),
        segment(1.3, None, TaskState::Waiting, "lock B"),
    ];
    told_lane(index as u32, &format!("worker-{index}"), 4712 + index as i32, &pieces)
}

/// The lane of a thread of which only its program's words are known.
pub fn told_lane(id: u32, name: &str, tid: i32, pieces: &[Segment]) -> Arc<Lane> {
    let mut lane = Lane {
        id: LaneId::new(id),
        name: name.into(),
        sort: TaskSort::Thread,
        pid: Pid::new(4711),
        tid: Some(Tid::new(tid)),
        start_line: None,
        line: None,
        until: None,
        source: LaneSource::Words,
        states: States::default(),
        words: Words::default(),
        reasons: Words::default(),
        marks: Arc::new([]),
        end: None,
    };
    for piece in pieces {
        lane.words.push(piece.from, piece.state, &piece.note, piece.held_by.as_ref(), piece.woken_by.as_ref());
        lane.states.push(piece.from, LaneState::by_word(piece.state), 0);
    }
    if let Some(until) = pieces.last().and_then(|last| last.until) {
        lane.states.push(until, LaneState::Nothing, 0);
        lane.end = Some(LaneEnd::Done);
    }
    Arc::new(lane)
}

/// The lane of a thread as the kernel's switch records tell it: from when on it was in which state, and on which core.
pub fn kernel_lane(id: u32, name: &str, tid: i32, states: &[(f64, LaneState, u32)]) -> Lane {
    let mut lane = (*told_lane(id, name, tid, &[])).clone();
    lane.source = LaneSource::Switches;
    for (t, state, core) in states {
        lane.states.push(Monotonic::from_secs(*t), *state, *core);
    }
    lane
}

/// What a program says: from when on, the state, the label, the holder, the waker.
type Said<'a> = (f64, TaskState, &'a str, Option<&'a str>, Option<&'a str>);

fn say(lane: &mut Lane, words: &[Said<'_>]) {
    for (t, state, on, held_by, woken_by) in words {
        let [held_by, woken_by] = [held_by, woken_by].map(|name| name.map(Arc::from));
        lane.words.push(Monotonic::from_secs(*t), *state, &Arc::from(*on), held_by.as_ref(), woken_by.as_ref());
    }
}

/// A shell, one that it made, and `cat`, which waits for what that one writes: what the kernel says of programs that say nothing.
pub fn pipeline() -> RunView {
    use LaneState::{Blocked, OnCore};
    let mut run = run(1, "pipeline");
    let mut shell = kernel_lane(0, "sh 4711", 4711, &[(0.0, OnCore, 0), (0.1, Blocked, 0)]);
    let mut writer = kernel_lane(1, "sh 4712", 4712, &[(0.05, OnCore, 1), (0.3, Blocked, 0)]);
    let made =
        |from| Mark { t: Monotonic::from_secs(0.05), kind: MarkKind::Fork, text: "".into(), from: Some(LaneId::new(from)) };
    (shell.marks, writer.marks) = (Arc::new([made(1)]), Arc::new([made(0)]));
    let mut cat = kernel_lane(2, "cat", 4713, &[(0.06, OnCore, 0), (0.1, Blocked, 0), (0.25, OnCore, 0), (0.26, Blocked, 0)]);
    let by = Arc::from("sh 4712");
    cat.reasons.put(Monotonic::from_secs(0.1), TaskState::Waiting, &"a pipe to read".into(), None, Some(&by));
    run.lanes = [shell, writer, cat].map(Arc::new).into();
    for (place, lane) in run.lanes.iter_mut().enumerate() {
        Arc::make_mut(lane).pid = Pid::new(4711 + place as i32);
    }
    run
}

/// A run of two seconds whose lanes are the kernel's: two threads that wait for each other, one that is switched 22,000 times, one of which
/// only sums are known, one of which records are missing, and processes that ended in each way.
pub fn kernel_lanes() -> RunView {
    use LaneState::{Blocked, Nothing, OnCore, Ready, Sleeping, Unknown, Zombie};
    use TaskState::{Running, Waiting};
    let mut run = run(1, "kernel-lanes");
    run.processes = vec![process(4711, "deadlock.py")];
    let mut main = kernel_lane(0, "main", 4711, &[(0.0, OnCore, 0), (0.035, Blocked, 0)]);
    say(&mut main, &[(0.0, Running, "", None, None), (0.034, Waiting, "join painter", None, None)]);
    let mut painter = kernel_lane(
        1,
        "painter",
        4712,
        &[
            (0.035, Ready, 0),
            (0.04, OnCore, 0),
            (0.14, Sleeping, 0),
            (0.19, Blocked, 0),
            (0.42, Ready, 0),
            (0.43, OnCore, 0),
            (0.5, Sleeping, 0),
        ],
    );
    let holder = Some("broker");
    say(
        &mut painter,
        &[
            (0.035, Running, "", None, Some("main")),
            (0.041, Running, "screen", None, None),
            (0.139, TaskState::Sleeping, "", None, None),
            (0.189, Waiting, "lock prices", holder, None),
            (0.42, Running, "screen", None, holder),
            (0.499, TaskState::Sleeping, "a nap", None, None),
        ],
    );
    let mut broker = kernel_lane(
        2,
        "broker",
        4713,
        &[(0.035, Ready, 0), (0.05, OnCore, 1), (0.155, Sleeping, 0), (0.31, OnCore, 1), (0.43, Blocked, 0)],
    );
    say(
        &mut broker,
        &[
            (0.035, Running, "", None, Some("main")),
            (0.051, Running, "prices", None, None),
            (0.154, TaskState::Sleeping, "", None, None),
            (0.311, Running, "prices", None, None),
            (0.429, Waiting, "lock screen", Some("painter"), None),
        ],
    );
    let mut spinner = kernel_lane(3, "spinner", 4714, &[]);
    for turn in 0..22_222_u64 {
        for (after, state) in [(0, OnCore), (80_000, Ready), (86_000, Blocked)] {
            spinner.states.push(Monotonic::from_nanos(turn * 90_000 + after), state, 2);
        }
    }
    let mut sums = kernel_lane(4, "sums", 4715, &[]);
    sums.source = LaneSource::Shares;
    for tenth in 0..20_u64 {
        sums.states.push_mixed(Monotonic::from_nanos(tenth * 100_000_000), tenth * 4_000_000, 12_000_000, 100_000_000);
    }
    let gap = kernel_lane(5, "gap", 4716, &[(0.2, OnCore, 3), (0.6, Unknown, 0), (1.1, OnCore, 3)]);
    let ended = |id: u32, name: &str, tid: i32, from: f64, to: f64, status: ExitStatus| {
        let mut lane = kernel_lane(id, name, tid, &[(from, OnCore, 3), (to, Zombie, 0), (to + 0.2, Nothing, 0)]);
        (lane.pid, lane.end) = (Pid::new(tid), Some(LaneEnd::Exit(status)));
        let mark = |t: f64, kind, text: &str, from| Mark { t: Monotonic::from_secs(t), kind, text: text.into(), from };
        lane.marks = Arc::new([
            mark(from, MarkKind::Fork, "", Some(LaneId::new(0))),
            mark(from + 0.1, MarkKind::Exec, name, None),
            mark(to + 0.2, MarkKind::Reaped, "", Some(LaneId::new(0))),
        ]);
        lane
    };
    let killed = ExitStatus::Signaled { signal: Signal::KILL, core_dumped: false };
    let mut victim = ended(8, "victim", 4719, 0.6, 1.3, killed);
    let signal =
        Mark { t: Monotonic::from_secs(1.3), kind: MarkKind::Signal, text: "SIGKILL".into(), from: Some(LaneId::new(0)) };
    victim.marks = [&victim.marks[..2], &[signal], &victim.marks[2..]].concat().into();
    let cat = ended(6, "cat", 4717, 0.2, 0.5, ExitStatus::Exited(0));
    let wrong = ended(7, "false", 4718, 0.7, 1.0, ExitStatus::Exited(3));
    run.lanes = [main, painter, broker, spinner, sums, gap, cat, wrong, victim].map(Arc::new).into();
    run.cores = cores_of(&run.lanes, 4);
    run
}

/// Who was on which core, by the lanes' own word; where two claim the same core, the one that came later.
fn cores_of(lanes: &[Arc<Lane>], count: u16) -> Vec<CoreLane> {
    let mut changes: Vec<(u64, u16, LaneId, bool)> = Vec::new();
    for lane in lanes.iter().filter(|lane| lane.source == LaneSource::Switches) {
        for span in
            (0..lane.states.len()).filter_map(|index| lane.states.get(index)).filter(|span| span.state == LaneState::OnCore)
        {
            changes.push((span.from.nanos(), span.detail as u16, lane.id, true));
            changes.extend(span.until.map(|until| (until.nanos(), span.detail as u16, lane.id, false)));
        }
    }
    changes.sort_by_key(|(t, _, _, comes)| (*t, *comes));
    let mut cores: Vec<CoreLane> = (0..count).map(|core| CoreLane { core, states: States::default() }).collect();
    for (t, core, lane, comes) in changes {
        let Some(core) = cores.get_mut(usize::from(core)) else { continue };
        let is_on = core.states.last().is_some_and(|last| CoreLane::lane(last.state, last.detail) == Some(lane));
        match comes {
            true => core.states.push(Monotonic::from_nanos(t), LaneState::OnCore, lane.number()),
            false if is_on => core.states.push(Monotonic::from_nanos(t), LaneState::Nothing, 0),
            false => {}
        }
    }
    cores
}

/// A million changes in a hundred lanes, within ten seconds.
pub fn million() -> Snapshot {
    let mut run = run(1, "million");
    run.lanes = (0..100_u32)
        .map(|number| {
            let mut lane = kernel_lane(number, &format!("worker-{number}"), 5000 + number as i32, &[]);
            for change in 0..10_000_u64 {
                let state = [LaneState::OnCore, LaneState::Ready, LaneState::Blocked, LaneState::OnCore, LaneState::Sleeping]
                    [((change * 7 + u64::from(number)) % 5) as usize];
                let t = change * 1_000_000 + (change * 7_919 + u64::from(number) * 104_729) % 900_000;
                lane.states.push(Monotonic::from_nanos(t), state, number % 4);
            }
            Arc::new(lane)
        })
        .collect();
    run.cores = cores_of(&run.lanes, 4);
    run.processes = vec![process(4711, "million")];
    run.elapsed = Monotonic::from_secs(10.0);
    Snapshot { sequence: 1, system: system(4), runs: vec![Arc::new(run)], board: Arc::new(board()), ..Snapshot::default() }
}

/// A machine with this many cores, an uneven load and 60 seconds of history.
pub fn system(cores: usize) -> SystemView {
    let percent = |step: usize, seed: usize| {
        let noise = f64::from(((step * 7919 + seed * 104_729) % 97) as u32) / 97.0 - 0.5;
        let wave = 10.0 * (seed as f64 * 0.6 + 1.0) + 4.0 * (step as f64 / (5.0 + seed as f64)).sin() + 7.0 * noise;
        let is_busy = (60..140).contains(&step) && seed < 2;
        (if is_busy { 97.0 - wave / 3.0 } else { wave.clamp(0.0, 100.0) }) as f32
    };
    let sample = |step: usize| {
        let from = UPTIME - 60.0 + step as f64 / 4.0;
        let percent = (0..cores).map(|core| percent(step, core)).collect();
        LoadSample { from: Monotonic::from_secs(from), to: Monotonic::from_secs(from + 0.25), percent }
    };
    SystemView {
        latest: MachineSample {
            percent: (0..cores).map(|core| percent(239, core)).collect(),
            memory_used: 1_400 << 20,
            memory_total: 3_900 << 20,
            celsius: Some(52.1),
            mhz: Some(1_800),
            load: 1.9,
            throttled: Some(false),
        },
        load: (0..240).map(sample).collect(),
        own_cpu: 0.5,
        scheduler: None,
    }
}

/// The header of a Raspberry Pi, as `pinctrl` would list it, all lines as inputs but 17, 22 and 23.
pub fn board() -> BoardView {
    let owner = |line: Line| match line.number() {
        17 => Some("lock A"),
        22 => Some("lock B"),
        23 => Some("worker-2"),
        _ => None,
    };
    let pins = (1..=40).filter_map(PinFunction::at_pin).map(|function| {
        let Some(line) = function.line() else { return PinView::new(function) };
        let owner = owner(line).map(str::to_owned);
        let function = if owner.is_some() { PinFunction::Output(line) } else { function };
        PinView { level: Some(Level::high_if(owner.is_some())), owner, ..PinView::new(function) }
    });
    BoardView { name: "Raspberry Pi 4 B".to_owned(), backend: "simulated".to_owned(), pull_unknown: None, pins: pins.collect() }
}

/// A deadlock beside a pipeline: every state and every part of the window at once.
pub fn deadlock() -> Snapshot {
    use TaskState::{Ready, Running, Sleeping, Waiting, Zombie};
    let mut run = run(1, "deadlock");
    "Deadlock".clone_into(&mut run.title);
    let mut parent = process(4711, "tasklab worker deadlock");
    parent.state = ProcessState::Running;
    parent.cpu = 2.0;
    parent.core = 1;
    parent.threads = vec![
        thread(4711, "main", ProcessState::Sleeping, "a thread to end"),
        thread(4712, "worker-1", ProcessState::Sleeping, "a lock"),
        thread(4713, "worker-2", ProcessState::Sleeping, "a lock"),
        thread(4714, "watcher", ProcessState::Sleeping, ""),
    ];
    let mut cat = process(4715, "cat words.txt");
    cat.status = Some(ExitStatus::Exited(0));
    cat.reaped = Some(cat.ended.unwrap_or_default());
    cat.ended = Some(Monotonic::from_secs(1.2));
    let mut sort = process(4716, "sort");
    (sort.state, sort.status, sort.rss, sort.ppid) = (ProcessState::Zombie, Some(ExitStatus::Exited(0)), 0, Pid::new(4711));
    let mut orphan = process(4702, "sleep 60");
    (orphan.is_orphan, orphan.rss, orphan.core) = (true, 400 << 10, 1);
    run.processes = vec![parent, cat, sort, orphan];
    let lane = |name: &str, tid: i32, pieces: Vec<Segment>| told_lane(tid as u32, name, tid, &pieces);
    run.lanes = vec![
        lane("main", 4711, vec![segment(0.0, Some(0.1), Running, ""), segment(0.1, None, Waiting, "join worker-1")]),
        lane(
            "worker-1",
            4712,
            vec![
                segment(0.1, Some(0.16), Ready, ""),
                segment(0.16, Some(0.44), Running, "A"),
                segment(0.44, Some(0.68), Sleeping, ""),
                Segment { held_by: Some("worker-2".into()), ..segment(0.68, None, Waiting, "lock B") },
            ],
        ),
        lane(
            "worker-2",
            4713,
            vec![
                segment(0.12, Some(0.2), Ready, ""),
                segment(0.2, Some(0.52), Running, "B"),
                segment(0.52, Some(0.76), Sleeping, ""),
                Segment { held_by: Some("worker-1".into()), ..segment(0.76, None, Waiting, "lock A") },
            ],
        ),
        lane(
            "watcher",
            4714,
            (0..4)
                .flat_map(|turn| {
                    let at = 0.1 + 0.45 * f64::from(turn);
                    [segment(at, Some(at + 0.1), Running, ""), segment(at + 0.1, Some(at + 0.45), Sleeping, "")]
                })
                .collect(),
        ),
        lane(
            "pid 4716 sort",
            4716,
            vec![
                segment(0.3, Some(1.0), Running, ""),
                Segment { held_by: Some("watcher".into()), ..segment(1.0, Some(1.24), Waiting, "pipe from cat") },
                segment(1.24, Some(1.6), Running, ""),
                segment(1.6, None, Zombie, "exited 0: zombie"),
            ],
        ),
    ];
    run.log = [
        (0.508, Severity::Info, "worker-2 asks for lock A, which worker-1 holds."),
        (0.509, Severity::Bad, "Nobody can go on: worker-1 → lock B → worker-2 → lock A → worker-1."),
        (1.391, Severity::Info, "sort (4716) exited with status 0; its parent has not waited on it: it is a zombie."),
        (1.744, Severity::User, "You sent SIGKILL to 4716. Nothing changed: one cannot kill the dead. Wait on it instead."),
    ]
    .map(|(t, severity, text)| LogEntry { t: Monotonic::from_secs(t), text: text.into(), severity })
    .into();
    run.outputs =
        [(Stream::Stdout, "worker-1 has lock A\nworker-2 has lock B\n"), (Stream::Stderr, "warning: a lock is held for long\n")]
            .map(|(stream, text)| OutputView {
                pid: Pid::new(4711),
                name: "worker".to_owned(),
                stream,
                tail: text.into(),
                kept: text.len() as u64,
                dropped: 0,
                is_closed: false,
            })
            .to_vec();
    run.facts = vec![Fact {
        id: "blocked".to_owned(),
        claim: "both workers wait for ever".to_owned(),
        expected: 2.into(),
        observed: 2.into(),
        holds: true,
    }];
    run.elapsed = Monotonic::ZERO + Duration::from_secs(2);
    Snapshot { sequence: 1, system: system(4), runs: vec![Arc::new(run)], board: Arc::new(board()), ..Snapshot::default() }
}

/// Threads against processes, measured.
pub fn comparison() -> Comparison {
    let variant = |label: &str, elapsed_s: f64, cores: f64, processes: u32| Variant {
        value: label.into(),
        label: label.to_owned(),
        runs: vec![Measured {
            outcome: Outcome::Passed,
            elapsed_s,
            cost: RunCost {
                user_s: elapsed_s * cores,
                peak_rss: (u64::from(processes) * 12) << 20,
                processes,
                threads: 5,
                waits: 812,
                machine_cores: cores,
                ..RunCost::default()
            },
            facts_held: 3,
            facts: 3,
            values: BTreeMap::from([("lost".to_owned(), processes.into())]),
        }],
    };
    Comparison {
        scenario: "gil".to_owned(),
        name: "kind".to_owned(),
        repeat: 1,
        variants: vec![variant("threads", 1.9, 1.02, 1), variant("processes", 1.0, 1.98, 5)],
        progress: Progress::Done,
        verdict: "With processes it was 1.9 × faster than with threads, and used 1.98 cores instead of 1.02.".to_owned(),
    }
}
