//! The lanes of programs that know nothing of Task Lab, as an ordinary user: named and timed by the kernel alone.

use std::os::unix::fs::MetadataExt;
use std::sync::Arc;

use support::runs::{engine, engine_without_views, events_of, programs, scenario, sh};
use support::{eventually, skipped};
use tasklab::engine::{Command, Engine, LaunchRequest};
use tasklab::model::{
    Action, ChildSpec, Event, EventKind, ExitStatus, Lane, LaneEnd, LaneSource, LaneState, Language, MarkKind, Monotonic, Pid,
    RunState, RunView, Signal, States, TaskCpu,
};

use crate::alone;
use crate::switches::stolen;

const SU: &str = "/usr/bin/su";

/// Two threads of Python, which hand the interpreter's lock to and fro.
const PAIR: &str = "\
import threading, time
def spin():
    end = time.monotonic() + 1
    while time.monotonic() < end:
        pass
threads = [threading.Thread(target=spin) for _ in range(2)]
for thread in threads: thread.start()
for thread in threads: thread.join()
";

/// Six processes on one core that has no time for all, which wait more often than they are preempted: each works and sleeps for short
/// times in turn, and then says what the kernel has counted. They end once all have, so that nothing is left that nobody has read.
const CROWD: &str = "\
import os, time
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
done, has_done = os.pipe()
go_on, end = os.pipe()
def work():
    os.close(end)
    until = time.monotonic() + 2
    while time.monotonic() < until:
        turn = time.thread_time() + 0.0015
        while time.thread_time() < turn:
            pass
        time.sleep(0.003)
    with open('/proc/self/schedstat') as file:
        ran, waited = file.read().split()[:2]
    os.write(1, f'{os.getpid()} {ran} {waited}\\n'.encode())
    os.write(has_done, b'x')
    os.read(go_on, 1)
pids = []
for _ in range(6):
    pids.append(os.fork())
    if pids[-1] == 0:
        work()
        os._exit(0)
for _ in pids:
    os.read(done, 1)
time.sleep(0.3)
os.close(end)
for pid in pids:
    os.waitpid(pid, 0)
";

/// A parent that waits on its child a second after its end.
const LATE: &str = "\
import os, time
pid = os.fork()
if pid == 0:
    time.sleep(0.1)
    os._exit(3)
time.sleep(1.3)
os.waitpid(pid, 0)
time.sleep(0.6)
";

/// The run as it is shown once it is over, with its events; `None` where the kernel gives no records.
fn run(request: LaunchRequest) -> Option<(Arc<RunView>, Vec<Event>)> {
    if let Err(refused) = tasklab::sys::try_switches() {
        skipped(format!("no switch records here: {refused}"));
        return None;
    }
    let engine = engine(Some(1 << 12));
    let events = events_of(&engine, request, |_| {});
    Some(shown(&engine, events))
}

/// The last run as it is shown once it is over. What its lanes and cores say agrees with the sums that were told.
fn shown(engine: &Engine, events: Vec<Event>) -> (Arc<RunView>, Vec<Event>) {
    let is_over = |view: &RunView| matches!(view.state, RunState::Finished(_));
    eventually("the end is shown", || now(engine).is_some_and(|view| is_over(&view)));
    let view = now(engine).expect("shown");
    for core in &view.cores {
        let busy = core.states.times(Monotonic::ZERO, view.elapsed).of(LaneState::OnCore);
        assert!(busy <= view.elapsed.nanos(), "core {} was busy for {busy} of {:?}", core.core, view.elapsed);
    }
    for cpu in sums(&events) {
        let lanes = view.lanes.iter().filter(|lane| lane.tid == Some(cpu.tid) && lane.pid == cpu.pid);
        let ran: Vec<u64> = lanes.map(|lane| on_core(lane)).collect();
        assert!(ran.contains(&cpu.ran_ns), "the lane of {cpu:?} says {ran:?}");
    }
    (view, events)
}

fn now(engine: &Engine) -> Option<Arc<RunView>> {
    engine.handle().snapshot().runs.first().cloned()
}

/// The last sums of each thread.
fn sums(events: &[Event]) -> impl Iterator<Item = &TaskCpu> {
    events.iter().filter_map(|event| match &event.kind {
        EventKind::TaskCpu(cpu) if cpu.is_final => Some(&**cpu),
        _ => None,
    })
}

fn on_core(lane: &Lane) -> u64 {
    lane.states.times(Monotonic::ZERO, Monotonic::from_secs(1e6)).of(LaneState::OnCore)
}

#[test]
fn two_threads_of_python_share_one_lock_half_and_half() {
    let _alone = alone();
    let Some((view, events)) = run(programs(vec![ChildSpec::new(["python3", "-c", PAIR])])) else { return };
    let threads: Vec<_> =
        view.lanes.iter().filter(|lane| lane.tid.is_some_and(|tid| tid.number() != lane.pid.number())).collect();
    let ran: Vec<u64> = threads.iter().map(|lane| on_core(lane)).collect();
    let [one, other] = ran[..] else { panic!("two threads in {ran:?}") };
    let half = u64::midpoint(one, other);
    assert!(one.abs_diff(half) <= half / 10, "{ran:?}");
    assert!(threads.iter().all(|lane| lane.end == Some(LaneEnd::Done)), "{:?}", threads[0].end);
    let used = events.iter().find_map(|event| match &event.kind {
        EventKind::ProcessUsed { usage, .. } => Some(usage.user_s + usage.system_s),
        _ => None,
    });
    let (used, all) = (used.expect("it was waited on"), view.lanes.iter().map(|lane| on_core(lane)).sum::<u64>() as f64 / 1e9);
    assert!((all - used).abs() <= 0.03 * used + 0.01, "{all} s on a core, and the kernel counts {used} s");
}

/// Two processes that send a byte to and fro until they are killed.
const PING_PONG: &str = "\
import os
(a, b), (c, d) = os.pipe(), os.pipe()
if os.fork():
    a, d = c, b
    os.write(d, b'x')
while True:
    os.write(d, os.read(a, 1))
";

/// Under the command line nobody looks at lanes: what is old of them goes, and all sums stay right.
#[test]
fn without_a_view_the_past_of_lanes_goes_and_their_sums_stay() {
    let _alone = alone();
    if let Err(refused) = tasklab::sys::try_switches() {
        return skipped(format!("no switch records here: {refused}"));
    }
    let engine = engine_without_views(1 << 12);
    // After the first 512 entries.
    let is_cut = |states: &States| states.len() > 512 && states.get(512).is_none();
    let mut is_ended = false;
    let events = events_of(&engine, programs(vec![ChildSpec::new(["python3", "-c", PING_PONG])]), |_| {
        let Some(view) = now(&engine).filter(|_| !is_ended) else { return };
        let (lanes, cores) = (view.lanes.iter().map(|lane| &lane.states), view.cores.iter().map(|core| &core.states));
        if lanes.filter(|states| is_cut(states)).count() == 2 && cores.into_iter().any(is_cut) {
            engine.handle().send(Command::Act { run: view.id, action: Action::End }).expect("taken");
            is_ended = true;
        }
    });
    let (_, events) = shown(&engine, events);
    let told = events.iter().filter_map(|event| if let EventKind::TaskCpu(cpu) = &event.kind { Some(&**cpu) } else { None });
    let in_all: Vec<&TaskCpu> = sums(&events).collect();
    assert_eq!(in_all.len(), 2, "{in_all:?}");
    for last in in_all {
        let of_it = told.clone().filter(|cpu| cpu.tid == last.tid && !cpu.is_final);
        let added = of_it.fold([0; 4], |sum, cpu| {
            [sum[0] + cpu.ran_ns, sum[1] + cpu.ready_ns, sum[2] + cpu.blocked_ns, sum[3] + cpu.switches]
        });
        assert_eq!(added, [last.ran_ns, last.ready_ns, last.blocked_ns, last.switches], "{last:?}");
    }
}

#[test]
fn a_thread_that_was_woken_and_has_no_core_is_ready() {
    let _alone = alone();
    if !tasklab::sys::counts_turns() {
        return skipped("this kernel keeps no schedstat");
    }
    let before = stolen();
    let Some((view, events)) = run(programs(vec![ChildSpec::new(["python3", "-c", CROWD])])) else { return };
    let slack = stolen().saturating_sub(before).as_nanos() as u64;
    let output = events.iter().filter_map(|event| match &event.kind {
        EventKind::Output { bytes, .. } => Some(bytes.as_slice()),
        _ => None,
    });
    let output = String::from_utf8(output.collect::<Vec<_>>().concat()).expect("numbers");
    let (mut lines, mut after_wakes, mut all) = (0, 0, 0);
    for line in output.lines() {
        let words: Vec<u64> = line.split_whitespace().map(|word| word.parse().expect("a number")).collect();
        let [pid, ran, waited] = words[..] else { panic!("{output}") };
        let cpu = sums(&events).find(|cpu| cpu.pid.number() as u64 == pid).expect("its sums");
        let whole = cpu.ran_ns + cpu.ready_ns + cpu.blocked_ns;
        println!("{pid}: ran {} of {ran}, ready {} of {waited}, blocked {}", cpu.ran_ns, cpu.ready_ns, cpu.blocked_ns);
        for (name, ours, kernels) in [("ran", cpu.ran_ns, ran), ("ready", cpu.ready_ns, waited)] {
            assert!(
                ours.abs_diff(kernels) <= whole * 3 / 100 + slack,
                "{name}: {ours} ns of {whole}, and the kernel counts {kernels}"
            );
        }
        assert!(waited > whole / 5, "the core was not busy: {waited} of {whole}");
        let lane = view.lanes.iter().find(|lane| lane.pid == cpu.pid).expect("a lane");
        let times = lane.states.times(Monotonic::ZERO, view.elapsed);
        assert_eq!(
            (times.of(LaneState::OnCore), times.of(LaneState::Ready)),
            (cpu.ran_ns, cpu.ready_ns),
            "the lane says the same"
        );
        let woken = (1..lane.states.len()).filter_map(|index| {
            let (before, span) = (lane.states.get(index - 1)?, lane.states.get(index)?);
            let is_woken = before.state == LaneState::Sleeping || before.state == LaneState::Blocked;
            (is_woken && span.state == LaneState::Ready).then(|| span.until.map_or(0, |until| until.nanos() - span.from.nanos()))
        });
        after_wakes += woken.sum::<u64>();
        all += whole;
        lines += 1;
    }
    assert_eq!(lines, 6, "{output}");
    // The control: if waits ended only on the core, they would be further off than that.
    assert!(after_wakes > all * 6 / 100, "only {after_wakes} ns of {all} after wake-ups");
}

#[test]
fn every_process_of_a_shell_has_a_lane_by_its_name() {
    let _alone = alone();
    let script = "sleep 0.3 & sleep 0.2 & (exit 3); cat /dev/null; wait";
    let Some((view, _)) = run(programs(vec![sh(script)])) else { return };
    let names: Vec<&str> = view.lanes.iter().map(|lane| &*lane.name).collect();
    assert_eq!(names[0], "sh", "{names:?}");
    let named = |name: &str| view.lanes.iter().filter(|lane| lane.name.starts_with(name)).collect::<Vec<_>>();
    let (sleeps, shells) = (named("sleep "), named("sh "));
    assert_eq!((names.len(), sleeps.len(), shells.len(), named("cat").len()), (5, 2, 1, 1), "{names:?}");
    let is_end = |lane: &Lane| matches!(lane.end, Some(LaneEnd::Exit(_) | LaneEnd::Done));
    assert!(view.lanes.iter().all(|lane| is_end(lane)), "{:?}", shells[0].end);
    assert_eq!(view.lanes[0].end, Some(LaneEnd::Exit(ExitStatus::Exited(0))));
    for lane in &view.lanes {
        assert_eq!(lane.source, LaneSource::Switches, "{}", lane.name);
        let times = lane.states.times(Monotonic::ZERO, view.elapsed);
        assert_eq!((times.of(LaneState::Created), times.of(LaneState::Unknown)), (0, 0), "{}: {times:?}", lane.name);
        let has = |kind: MarkKind| lane.marks.iter().any(|mark| mark.kind == kind);
        assert!(has(MarkKind::Fork), "{}: {:?}", lane.name, lane.marks);
        assert_eq!(has(MarkKind::Exec), !lane.name.starts_with("sh "), "{}: {:?}", lane.name, lane.marks);
    }
    let asleep = sleeps.iter().map(|lane| lane.states.times(Monotonic::ZERO, view.elapsed));
    assert!(asleep.clone().all(|times| times.total() - times.of(LaneState::OnCore) > 100_000_000));
}

/// Three children that stay zombies for a second.
const ZOMBIES: &str = "\
import os, time
pids = []
for end in (lambda: os._exit(0), lambda: os._exit(3), lambda: os.kill(os.getpid(), 9)):
    pids.append(os.fork())
    if pids[-1] == 0:
        end()
time.sleep(1)
for pid in pids: os.waitpid(pid, 0)
";

#[test]
fn a_zombie_that_another_program_waits_on_has_its_status() {
    let _alone = alone();
    let engine = engine(Some(1 << 12));
    let events = events_of(&engine, programs(vec![ChildSpec::new(["/usr/bin/python3", "-c", ZOMBIES])]), |_| {});
    let view = || engine.handle().snapshot().runs.first().cloned();
    eventually("the end is shown", || view().is_some_and(|view| matches!(view.state, RunState::Finished(_))));
    let view = view().expect("a run");
    let parent = view.processes.first().expect("the program");
    let is_child = |pid: Pid| view.processes.iter().any(|row| row.pid == pid && row.ppid == parent.pid);
    let told = events.iter().filter_map(|event| match &event.kind {
        EventKind::ProcessExited { pid, status } if is_child(*pid) => Some(*status),
        _ => None,
    });
    let killed = ExitStatus::Signaled { signal: Signal::KILL, core_dumped: false };
    let wanted = [ExitStatus::Exited(0), ExitStatus::Exited(3), killed];
    let sorted = |mut all: Vec<ExitStatus>| {
        all.sort_by_key(|status| status.shell_code());
        all
    };
    assert_eq!(sorted(told.collect()), wanted, "each once");
    let lanes = view.lanes.iter().filter(|lane| is_child(lane.pid));
    let ends = lanes.filter_map(|lane| if let Some(LaneEnd::Exit(status)) = lane.end { Some(status) } else { None });
    assert_eq!(sorted(ends.collect()), wanted);
}

#[test]
fn a_zombie_keeps_its_time_after_it_was_waited_on() {
    let _alone = alone();
    let Some((view, _)) = run(programs(vec![ChildSpec::new(["python3", "-c", LATE])])) else { return };
    let is_late = |lane: &&Arc<Lane>| lane.marks.iter().any(|mark| mark.kind == MarkKind::Reaped && mark.from.is_some());
    let child = view.lanes.iter().find(is_late).expect("the lane of the child");
    let zombie = child.states.times(Monotonic::ZERO, view.elapsed).of(LaneState::Zombie);
    assert!((1_000_000_000..1_600_000_000).contains(&zombie), "{zombie} ns in {:?}", view.elapsed);
    let parent = view.lanes.iter().find(|lane| child.marks.iter().any(|mark| mark.from == Some(lane.id))).expect("its parent");
    let reaped = child.marks.iter().find(|mark| mark.kind == MarkKind::Reaped).expect("a mark").t;
    let turn = parent.states.at(reaped).expect("a state");
    assert_eq!((turn.state, turn.from), (LaneState::OnCore, reaped), "it went on to wait on its child");
}

/// `su --version` ends after some milliseconds, before two samples can show it. The kernel tells of it up to its exec.
#[test]
fn a_set_uid_program_is_unknown_from_its_exec_to_its_end_and_no_zombie() {
    let _alone = alone();
    let is_set_uid = std::fs::metadata(SU).is_ok_and(|file| file.mode() & 0o4000 != 0 && file.uid() == 0);
    if !is_set_uid || rustix::process::geteuid().is_root() {
        return skipped("needs to be run as an ordinary user, with a set-uid su");
    }
    let is_ours = |run: &str| run.ends_with("--version");
    for script in ["/usr/bin/su --version; sleep 0.5; cat /dev/null; sleep 0.5", "exec /usr/bin/su --version"] {
        let Some((view, events)) = run(programs(vec![sh(script)])) else { return };
        let lane = |name: &str| view.lanes.iter().find(|lane| &*lane.name == name);
        let su = lane("su").expect("its lane");
        let exec = su.marks.iter().rfind(|mark| mark.kind == MarkKind::Exec).expect("a mark").t;
        let times = su.states.times(exec, view.elapsed);
        let [unknown, on_core, ready, zombie] =
            [LaneState::Unknown, LaneState::OnCore, LaneState::Ready, LaneState::Zombie].map(|state| times.of(state));
        assert_eq!(times.total(), unknown + on_core + ready + zombie, "{script}: {times:?}");
        assert!(unknown > on_core, "{script}: {times:?}");
        if !is_ours(script) {
            assert_eq!(zombie, 0, "nobody saw one");
            let cat = lane("cat").expect("the control");
            let times = cat.states.times(Monotonic::ZERO, view.elapsed);
            assert_eq!(times.of(LaneState::Unknown), 0, "{times:?}");
            assert!(times.of(LaneState::Zombie) > 0, "{times:?}");
        }
        let sums = |lane: &Lane| sums(&events).find(|sums| Some(sums.tid) == lane.tid).is_some_and(|sums| sums.is_exact);
        assert!(!sums(su) && lane("cat").is_none_or(|cat| sums(cat)), "{events:?}");
    }
}

#[test]
fn the_threads_of_a_lesson_have_one_lane_each_under_their_own_names() {
    let _alone = alone();
    for language in [Language::Rust, Language::Python] {
        let Some((view, events)) = run(scenario("lock", language)) else { return };
        let mut told: Vec<String> = Vec::new();
        for event in &events {
            if let EventKind::TaskStarted { task, .. } = &event.kind
                && !told.contains(task)
            {
                told.push(task.clone());
            }
        }
        // Where python3 is a script that looks for Python, its processes have lanes, too.
        let is_first = |lane: &Lane| lane.tid.is_some_and(|tid| tid.number() == lane.pid.number());
        let is_its = |lane: &&Arc<Lane>| !is_first(lane) || told.iter().any(|task| **task == *lane.name);
        let lanes: Vec<_> = view.lanes.iter().filter(is_its).collect();
        let mut names: Vec<String> = lanes.iter().map(|lane| lane.name.to_string()).collect();
        told.sort();
        names.sort();
        assert_eq!(names, told, "{language}");
        for lane in lanes {
            assert_eq!(lane.source, LaneSource::Switches, "{language}: {}", lane.name);
            assert!(on_core(lane) > 0 && !lane.words.is_empty(), "{language}: {}", lane.name);
        }
    }
}
