//! Promises 16 and 19: nobody speaks for the supervisor, and hostile event lines cost little. Bodies here write what no honest one would.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use support::program::{exec, tasklab};
use support::runs::{engine, programs};
use support::stress::{Chance, rounds, say};
use support::watchdog::Watchdog;
use support::{deadline, descendants_of, eventually, hostile, parents, peak_of, state_of};
use tasklab::engine::{Command as Order, Engine, EngineEvent};
use tasklab::model::{
    ChildSpec, Event, EventKind, ExitStatus, Line, Monotonic, Outcome, Pid, RunId, RunView, Signal, Stream, Usage,
};

/// Forgeries in one run: each of so many is told in full.
const AT_ONCE: usize = 20;

/// Tells of its own child, which it may, between what a file hands it.
const FORGER: &str = r#"
sleep 600 >/dev/null & child=$!
mkfifo "$GO.end" "$GO"
echo $child >&2
cat "$GO" >&$TASKLAB_EVENTS
cat "$GO.end"
kill $child
wait $child
printf '{"kind":"process.exited","pid":%d,"signal":"SIGTERM"}\n{"kind":"process.reaped","pid":%d}\n' $child $child >&$TASKLAB_EVENTS
exit 7"#;

/// The stage behind it.
const VICTIM: &str = r"
sleep 600 >/dev/null & child=$!
echo $child >&2
cat >/dev/null
echo the truth
kill $child
exit 9";

fn body(script: &str, go: &Path) -> ChildSpec {
    let env = vec![("GO".into(), go.into())];
    ChildSpec { lesson_pipes: true, env, ..ChildSpec::new(["bash", "-c", script]) }
}

/// Processes that a forger lies about.
#[derive(Debug, Clone, Copy)]
struct Cast {
    forger: i32,
    victim: i32,
    victims_child: i32,
    /// The only stage of another run.
    elsewhere: i32,
    supervisor: i32,
    /// Its own child, about which it says what is so.
    honest: i32,
}

/// One of each kind, about anybody that it may not speak of.
fn forgeries(cast: &Cast) -> Vec<Value> {
    let Cast { forger, victim, victims_child, elsewhere, supervisor, honest } = *cast;
    let mut lines = Vec::new();
    for pid in [forger, victim, victims_child, elsewhere, supervisor, 1] {
        lines.push(json!({"kind":"process.started","pid":pid,"ppid":forger,"name":"FORGED","argv":["FORGED"]}));
        lines.push(json!({"kind":"process.state","pid":pid,"state":"stopped"}));
        lines.push(json!({"kind":"process.state","pid":pid,"state":"orphan","ppid":1}));
        lines.push(json!({"kind":"process.exited","pid":pid,"code":0}));
        lines.push(json!({"kind":"process.exited","pid":pid,"signal":"SIGSEGV","core":true}));
        lines.push(json!({"kind":"process.reaped","pid":pid}));
        lines.push(json!({"kind":"process.usage","pid":pid,"user_s":77_777.0,"system_s":0.0}));
        lines.push(json!({"kind":"process.sample","pid":pid,"ppid":1,"state":"stopped","rss":77}));
        lines.push(json!({"kind":"output","pid":pid,"stream":"stdout","text":"FORGED"}));
        lines.push(json!({"kind":"output.dropped","pid":pid,"stream":"stderr","bytes":77}));
        lines.push(json!({"kind":"output.closed","pid":pid,"stream":"stdout","bytes":77}));
    }
    for pid in [victim, victims_child, elsewhere] {
        lines.push(json!({"kind":"task.started","task":"FORGED","pid":pid,"tid":pid}));
    }
    lines.extend([
        json!({"kind":"process.started","pid":honest,"ppid":victim,"name":"FORGED"}),
        json!({"kind":"process.usage","pid":honest,"user_s":77_777.0,"system_s":0.0}),
        json!({"kind":"pipe","pid":forger,"to":victim,"bytes":77,"capacity":77}),
        json!({"kind":"value","name":"bytes in pipe 1 (bash → bash)","value":"FORGED"}),
        json!({"kind":"waited","do":"wait-all","done":[{"pid":victim,"code":0}]}),
        json!({"kind":"run.started","run":77,"scenario":"FORGED"}),
        json!({"kind":"run.finished","run":1,"outcome":"passed"}),
        json!({"kind":"cores","percent":[77.0]}),
        json!({"kind":"finding","id":"deadlock","text":"FORGED","tasks":["FORGED"]}),
        json!({"kind":"action","do":"end","by":"timeout"}),
        json!({"kind":"action","do":"kill","target":"FORGED","by":"user"}),
        json!({"kind":"action","do":"watch","target":"FORGED","by":"user"}),
        json!({"kind":"action.refused","do":"stop","target":"FORGED","by":"user","text":"FORGED"}),
    ]);
    lines
}

/// The events of a run, and the view at its end.
struct Ran {
    events: Vec<Event>,
    view: std::sync::Arc<RunView>,
    forged: Vec<Value>,
    cast: Cast,
}

/// Gives the engine a run of two stages, and the first one the forgeries of `choose`.
fn forge(engine: &Engine, elsewhere: i32, choose: impl FnOnce(&Cast) -> Vec<Value>) -> Ran {
    let folder = tempfile::tempdir().expect("a folder");
    let go = folder.path().join("go");
    engine.handle().send(Order::Launch(Box::new(programs(vec![body(FORGER, &go), body(VICTIM, &go)])))).expect("taken");
    let receiver = engine.events().expect("tapped");
    let (mut run, mut pids, mut children): (_, Vec<Pid>, Vec<(Pid, i32)>) = (None, Vec::new(), Vec::new());
    let (mut events, mut choose, mut cast, mut forged) = (Vec::new(), Some(choose), None, Vec::new());
    loop {
        match receiver.recv_timeout(deadline()).expect("the run ends") {
            EngineEvent::Launched(id, launched) => (run, pids) = (Some(id), launched),
            EngineEvent::Event(_, event) if matches!(event.kind, EventKind::ProcessExited { pid, .. } if pid.number() == elsewhere) =>
            {
                panic!("the other run goes on: {event:?}");
            }
            EngineEvent::Event(id, event) if run.is_none() || run == Some(id) => {
                if let EventKind::Output { pid, stream: Stream::Stderr, bytes } = &event.kind
                    && let Ok(child) = String::from_utf8_lossy(bytes).trim().parse()
                {
                    children.push((*pid, child));
                }
                // The last line: all of them have been read while everybody that they are about was there.
                if matches!(&event.kind, EventKind::Watched { .. }) {
                    std::fs::write(go.with_extension("end"), "").expect("it waits");
                }
                let is_over = matches!(event.kind, EventKind::RunFinished { .. });
                events.push(Event::clone(&event));
                if is_over {
                    break;
                }
            }
            _ => {}
        }
        let child_of = |stage: usize| children.iter().find(|(pid, _)| Some(pid) == pids.get(stage)).map(|(_, child)| *child);
        if let (Some(honest), Some(victims_child)) = (child_of(0), child_of(1))
            && let Some(choose) = choose.take()
        {
            let [forger, victim] = [0, 1].map(|stage: usize| pids[stage].number());
            let about = Cast { forger, victim, victims_child, elsewhere, supervisor: parents()[&forger], honest };
            forged = choose(&about);
            cast = Some(about);
            let mut text = String::new();
            let _ = writeln!(text, "{}", json!({"kind":"process.started","pid":honest,"ppid":forger,"name":"honest"}));
            for line in &forged {
                let _ = writeln!(text, "{line}");
            }
            let _ = writeln!(text, "{}", json!({"kind":"action","do":"watch","target":"GPIO26","by":"user"}));
            std::fs::write(&go, text).expect("it reads");
        }
    }
    let (run, cast) = (run.expect("launched"), cast.expect("both stages have told of their children"));
    let mut view = None;
    eventually("the end is shown", || {
        view = engine.handle().snapshot().runs.iter().find(|view| view.id == run).cloned();
        view.as_ref().is_some_and(|view| matches!(view.state, tasklab::model::RunState::Finished(_)))
    });
    Ran { events, view: view.expect("shown"), forged, cast }
}

/// Which of the forgeries were believed, and what else is not as it was.
fn believed(ran: &Ran) -> Vec<String> {
    let Ran { events, view, forged, cast } = ran;
    let mut wrong = Vec::new();
    for line in forged {
        let kind = Event::from_line(line.to_string().as_bytes(), Monotonic::ZERO).expect("a line").expect("a known kind").kind;
        // Some of it comes true at the end, and is told then.
        let comes_true = match kind {
            EventKind::ProcessReaped { pid } => [cast.forger, cast.victim, cast.victims_child].contains(&pid.number()),
            EventKind::OutputClosed { pid, stream: Stream::Stdout } => pid.number() == cast.victim,
            _ => false,
        };
        let most = usize::from(comes_true);
        if events.iter().filter(|event| event.kind == kind).count() > most {
            wrong.push(format!("believed: {line}"));
        }
    }
    for (pid, code) in [(cast.forger, 7), (cast.victim, 9)] {
        let pid = Pid::new(pid);
        let told = |is_it: &dyn Fn(&EventKind) -> bool| events.iter().filter(|event| is_it(&event.kind)).count();
        let started =
            told(&|kind| matches!(kind, EventKind::ProcessStarted { pid: of, name, .. } if *of == pid && name == "bash"));
        let ended = told(&|kind| *kind == EventKind::ProcessExited { pid, status: ExitStatus::Exited(code) });
        let reaped = told(&|kind| *kind == EventKind::ProcessReaped { pid });
        let used = told(
            &|kind| matches!(kind, EventKind::ProcessUsed { pid: of, usage: Usage { user_s, .. } } if *of == pid && *user_s < 1000.0),
        );
        if (started, ended, reaped, used) != (1, 1, 1, 1) {
            wrong.push(format!("{pid}: started {started}, ended {ended}, reaped {reaped}, used {used} times"));
        }
        let rows: Vec<_> =
            view.processes.iter().filter(|row| row.pid == pid).map(|row| (row.name.as_str(), row.status)).collect();
        if rows != [("bash", Some(ExitStatus::Exited(code)))] {
            wrong.push(format!("{pid} is shown as {rows:?}"));
        }
    }
    if !matches!(events.last().expect("the end").kind, EventKind::RunFinished { outcome: Outcome::Failed, processes_left: 0, .. })
    {
        wrong.push(format!("{:?}", events.last()));
    }
    if support::runs::output(events, Stream::Stdout) != b"the truth\n" {
        wrong.push("the output is another".to_owned());
    }
    let shown = format!("{:?}{:?}{:?}{:?}{:?}", view.processes, view.lanes, view.values, view.findings, view.outputs);
    if shown.contains("FORGED") || view.cost.user_s > 1000.0 {
        wrong.push(format!("shown: {shown} {:?}", view.cost));
    }
    wrong.extend(view.log.iter().map(|entry| entry.text.to_string()).filter(|text| text.contains("FORGED")));
    wrong
}

/// Covers: promise 16.
#[test]
fn no_forgery_is_believed_and_each_is_told() {
    let _watchdog = Watchdog::after(Duration::from_mins(10));
    let mut chance = Chance::start();
    let engine = engine(Some(1024));
    engine.handle().send(Order::Launch(Box::new(programs(vec![ChildSpec::new(["sleep", "600"])])))).expect("taken");
    let receiver = engine.events().expect("tapped");
    let elsewhere = loop {
        if let EngineEvent::Launched(_, pids) = receiver.recv_timeout(deadline()).expect("it starts") {
            break pids[0].number();
        }
    };
    let count = rounds(100, 1_000);
    let mut left: Vec<usize> = Vec::new();
    let mut sent = 0;
    while sent < count {
        let ran = forge(&engine, elsewhere, |cast| {
            let all = forgeries(cast);
            let mut chosen = Vec::new();
            while chosen.len() < AT_ONCE {
                // Each comes once before any comes twice.
                if left.is_empty() {
                    left = (0..all.len()).collect();
                }
                chosen.push(all[left.swap_remove(chance.below(left.len()))].clone());
            }
            chosen
        });
        sent += ran.forged.len();
        let wrong = believed(&ran);
        let all: Vec<String> = ran.forged.iter().map(Value::to_string).collect();
        assert!(wrong.is_empty(), "{wrong:#?}\nof {:?}\n{}", ran.cast, all.join("\n"));
        let notices = support::runs::notices(&ran.events);
        let skipped = notices.iter().filter(|text| text.starts_with(&format!("skipped an event of process {}", ran.cast.forger)));
        assert_eq!(skipped.count(), AT_ONCE, "each is told of: {notices:#?}\n{}", all.join("\n"));
        // The control: it is heard, and believed about what is its own.
        let honest = Pid::new(ran.cast.honest);
        let term = ExitStatus::Signaled { signal: Signal::TERM, core_dumped: false };
        let is_logged = |wanted: EventKind| ran.events.iter().any(|event| event.kind == wanted);
        assert!(
            is_logged(EventKind::ProcessExited { pid: honest, status: term })
                && is_logged(EventKind::ProcessReaped { pid: honest })
        );
        assert!(ran.view.processes.iter().any(|row| row.pid == honest && row.name == "honest" && row.status == Some(term)));
        let watch = EventKind::Watched { line: Line::gpio(26) };
        assert!(is_logged(watch), "a body may watch a line, and nobody else does it");
    }
    say(format_args!("{sent} forgeries, 0 believed"));
    let other = engine.handle().snapshot().runs.iter().find(|view| view.id == RunId::new(1)).cloned().expect("shown");
    assert_eq!(other.processes.iter().map(|row| (row.pid.number(), row.ended)).collect::<Vec<_>>(), [(elsewhere, None)]);
}

/// Covers: promise 16.
#[test]
fn a_program_does_not_choose_its_own_exit_status_nor_another_stages() {
    let own = r#"echo "{\"kind\":\"process.exited\",\"pid\":$$,\"code\":0}" >&$TASKLAB_EVENTS; sleep .2; exit 7"#;
    let (status, _, said) = exec(&["--events", "--", "sh", "-c", own]);
    assert_eq!(status, 7, "{said}");
    assert!(said.contains("is told by the supervisor and the kernel alone"), "{said}");
    let last = r#"until [ "$told" ]; do
        for stat in /proc/[0-9]*/stat; do
            read -r pid name state ppid rest 2>/dev/null <$stat && [ "$ppid" = $PPID ] && [ "$pid" != $$ ] &&
                echo "{\"kind\":\"process.exited\",\"pid\":$pid,\"code\":0}" >&$TASKLAB_EVENTS && told=1
            done
        done"#;
    let (status, _, said) = exec(&["--events", "--", "bash", "-c", last, ":::", "sh", "-c", "sleep 1; cat; exit 7"]);
    assert_eq!(status, 7, "{said}");
    assert!(said.contains("is told by the supervisor and the kernel alone"), "the control: it has tried: {said}");
}

/// A run on the command line that is killed with all that it has started, however the test ends.
struct Exec(Child);

impl Drop for Exec {
    fn drop(&mut self) {
        let below = descendants_of(self.0.id().cast_signed());
        let _ = self.0.kill();
        let _ = self.0.wait();
        eventually("nothing is left of it", || below.iter().all(|pid| matches!(state_of(*pid), None | Some('Z'))));
    }
}

/// The most memory, in KiB, of the app and of the supervisor in a run whose body passes on what `write` gives it; and how many texts
/// were cut and how many lines skipped, as far as that was told.
fn peaks(write: impl FnOnce(&mut std::process::ChildStdin)) -> ([u64; 2], [usize; 2]) {
    let body = "cat >&$TASKLAB_EVENTS; echo all is sent; sleep 600";
    let mut command = tasklab(&["exec", "--events", "--json", "--stdin", "inherit", "--", "sh", "-c", body]);
    let mut run = Exec(command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("starts"));
    let (mut stdin, stdout) = (run.0.stdin.take().expect("piped"), run.0.stdout.take().expect("piped"));
    let app = run.0.id().cast_signed();
    let (mut cut, mut skipped) = (0, 0);
    std::thread::scope(|scope| {
        let reader = std::thread::Builder::new().name("reader".to_owned()).spawn_scoped(scope, || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                cut += usize::from(line.contains(" more bytes)"));
                skipped += usize::from(line.contains("skipped an event of process"));
                if line.contains(r#""text":"all is sent"#) {
                    return true;
                }
            }
            false
        });
        write(&mut stdin);
        drop(stdin);
        assert!(reader.expect("a thread").join().expect("no panic"), "the run has ended before");
    });
    let supervisor = descendants_of(app)
        .into_iter()
        .find(|pid| std::fs::read_to_string(format!("/proc/{pid}/cmdline")).is_ok_and(|words| words.contains("__supervisor")));
    ([app, supervisor.expect("it has one")].map(peak_of), [cut, skipped])
}

/// Covers: promise 19.
#[test]
fn hostile_event_lines_cost_app_and_supervisor_little_and_what_was_cut_is_said() {
    let _watchdog = Watchdog::after(Duration::from_mins(10));
    let mut chance = Chance::start();
    let (idle, said) = peaks(|_| ());
    assert_eq!(said, [0, 0], "the control: an honest run has nothing cut");
    let mut sent = 0;
    let (busy, [cut, skipped]) = peaks(|body| sent = hostile::write(body, &mut chance).expect("it reads all"));
    let more: Vec<u64> = busy.iter().zip(idle).map(|(busy, idle)| busy.saturating_sub(idle)).collect();
    say(format_args!("{sent} bytes: {busy:?} KiB, {more:?} more than idle; {cut} texts were cut, {skipped} lines skipped aloud"));
    assert!(sent >= 60 << 20, "{sent} bytes");
    assert!(more.iter().all(|more| *more <= 200 * 1024), "{more:?} KiB more");
    assert!(cut > 300 && skipped == 20, "{cut} cut, {skipped} skipped");
}
