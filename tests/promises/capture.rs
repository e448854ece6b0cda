//! Promise 5: what children write arrives to the byte, whoever is killed in mid-write.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use support::runs::{engine, events_of, outcome, output, programs, sh};
use support::stress::{Chance, is_long, kill, rounds};
use support::watchdog::Watchdog;
use support::{deadline, eventually};
use tasklab::engine::{Command, EngineEvent, LaunchRequest};
use tasklab::model::{ChildSpec, Event, EventKind, ExitStatus, Outcome, Pid, RunState, RunView, Signal, Stream};

/// Writes so many bytes of a sequence that its seed determines, in chunks of random length, and ends.
const WRITER: &str = "import os, random, sys
seed, total = int(sys.argv[1]), int(sys.argv[2])
pieces = random.Random(seed)
state, block = seed * 2654435761 + 1, bytearray()
while len(block) < 65521:
    state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
    block.append(97 + (state >> 33) % 26)
block, sent = bytes(block) * 3, 0
while sent < total:
    at = sent % 65521
    length = min(pieces.choice([1, 7, 100, 4095, 4096, 4097, 65536, 100000]), total - sent)
    sent += os.write(1, block[at:at + length])
";

/// The block that [`WRITER`] repeats: its length is prime, so that a lost or doubled chunk shifts what follows.
fn block(seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(2_654_435_761).wrapping_add(1);
    let next = |_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        b'a' + ((state >> 33) % 26) as u8
    };
    (0..65_521).map(next).collect()
}

/// Compares a stream with what was written, as it comes.
struct Checker {
    block: Vec<u8>,
    seen: usize,
}

impl Checker {
    fn new(seed: u64) -> Self {
        Self { block: block(seed), seen: 0 }
    }

    #[track_caller]
    fn take(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let at = self.seen % self.block.len();
            let length = bytes.len().min(self.block.len() - at);
            assert!(bytes[..length] == self.block[at..at + length], "differs after {} bytes", self.seen);
            bytes = &bytes[length..];
            self.seen += length;
        }
    }
}

fn writer(seed: u64, total: usize) -> ChildSpec {
    ChildSpec::new(["python3", "-c", WRITER, &seed.to_string(), &total.to_string()])
}

/// With a listener all of it arrives; half of the children are killed in mid-write, and what they had written arrives whole.
///
/// Covers: promise 5, F39, F41, fact 30.
#[test]
fn what_many_children_write_at_once_arrives_byte_by_byte() {
    let _watchdog = Watchdog::after(Duration::from_mins(if is_long() { 60 } else { 20 }));
    let mut chance = Chance::start();
    let (children, each) = if is_long() { (64, 64 << 20) } else { (16, 4 << 20) };
    let engine = engine(Some(1024));
    let mut checkers = HashMap::new();
    let mut victims = HashMap::new();
    let total = each + chance.below(1000);
    for index in 0..children {
        let seed = chance.number() >> 32;
        let launch = LaunchRequest { timeout: None, ..programs(vec![writer(seed, total)]) };
        engine.handle().send(Command::Launch(Box::new(launch))).expect("taken");
        // Runs are numbered from 1 in the order in which they were asked for.
        checkers.insert(index + 1, Checker::new(seed));
        if index % 2 == 1 {
            victims.insert(index + 1, chance.below(total));
        }
    }
    let receiver = engine.events().expect("tapped");
    let (mut finished, mut pids): (u32, HashMap<u32, Pid>) = (0, HashMap::new());
    let (mut statuses, mut killed) = (HashMap::new(), 0);
    while finished < children {
        let EngineEvent::Event(run, event) = receiver.recv_timeout(deadline()).expect("something happens") else { continue };
        let number: u32 = run.to_string().parse().expect("a number");
        match &event.kind {
            EventKind::ProcessStarted { pid, .. } => drop(pids.insert(number, *pid)),
            EventKind::Output { bytes, stream: Stream::Stdout, .. } => {
                let checker = checkers.get_mut(&number).expect("known");
                checker.take(bytes);
                if victims.get(&number).is_some_and(|at| checker.seen > *at) {
                    victims.remove(&number);
                    kill(pids[&number].number(), rustix::process::Signal::KILL);
                    killed += 1;
                }
            }
            EventKind::Output { bytes, .. } => panic!("{}", String::from_utf8_lossy(bytes)),
            EventKind::Notice { text } => println!("run {number}: {text}"),
            EventKind::OutputDropped { .. } => panic!("a listener gets everything"),
            EventKind::ProcessExited { status, .. } => drop(statuses.insert(number, *status)),
            EventKind::RunFinished { processes_left, .. } => {
                finished += 1;
                let seen = checkers[&number].seen;
                match statuses
                    .get(&number)
                    .copied()
                    .unwrap_or_else(|| panic!("run {number} has no status, {seen} bytes: {event:?}"))
                {
                    ExitStatus::Exited(0) => assert_eq!(seen, total, "run {number}"),
                    ExitStatus::Signaled { signal: Signal::KILL, .. } => assert!(seen <= total, "run {number}"),
                    other => panic!("run {number} {other}"),
                }
                assert_eq!(*processes_left, 0);
            }
            _ => {}
        }
    }
    println!("{children} children, {total} bytes each, {killed} killed in mid-write: nothing lost, nothing changed");
    assert!(killed > 0, "the control: some were killed");
}

/// The control of the test above: a byte that is missing, doubled or changed is found.
///
/// Covers: promise 5.
#[test]
fn the_control_finds_a_missing_a_doubled_and_a_changed_byte() {
    let sent = block(7).repeat(2);
    for (what, broken) in [
        ("missing", [&sent[..70_000], &sent[70_001..]].concat()),
        ("doubled", [&sent[..70_000], &sent[69_999..]].concat()),
        ("changed", [&sent[..70_000], b"!", &sent[70_001..]].concat()),
    ] {
        let found = std::panic::catch_unwind(|| Checker::new(7).take(&broken));
        assert!(found.is_err(), "{what}");
    }
    Checker::new(7).take(&sent);
}

fn view(engine: &tasklab::engine::Engine, index: usize) -> Option<std::sync::Arc<RunView>> {
    engine.handle().snapshot().runs.get(index).cloned()
}

/// Covers: F39, F47, facts 29, 31, 34.
#[test]
fn both_streams_and_the_input_at_once_neither_lock_up_nor_lose_anything() {
    let engine = engine(Some(256));
    let size = (4 << 20) + 1;
    let script = format!(
        "import sys, os\nos.write(2, b'x' * 47)\nsys.stderr.buffer.write(b'e' * {size})\nsys.stderr.flush()\n\
         sys.stdout.buffer.write(sys.stdin.buffer.read())"
    );
    let spec = ChildSpec { stdin: tasklab::model::Input::Pipe, ..ChildSpec::new(["python3", "-c", &script]) };
    let what = tasklab::engine::What::Programs { stages: vec![spec], input: Some(vec![b'i'; size]) };
    let events = events_of(&engine, support::runs::request(what), |_| {});
    assert_eq!(outcome(&events), (Outcome::Passed, 0));
    let (out, err) = (output(&events, Stream::Stdout), output(&events, Stream::Stderr));
    assert!(out == vec![b'i'; size] && err.len() == size + 47 && err[47..].iter().all(|byte| *byte == b'e'));
}

/// Random tails before the end: the last bytes count.
///
/// Covers: promise 5, F41, fact 33.
#[test]
fn the_last_bytes_before_an_exit_or_a_kill_arrive() {
    let mut chance = Chance::start();
    let engine = engine(Some(256));
    for index in 0..rounds(150, 10_000) {
        let length = chance.below(20_000) + 1;
        let end = if index % 2 == 0 { "exit 5" } else { "kill -9 $$" };
        let events = events_of(&engine, programs(vec![sh(&format!("printf '%0{length}d' 7; {end}"))]), |_| {});
        let bytes = output(&events, Stream::Stdout);
        assert!(bytes.len() == length && bytes.ends_with(b"7"), "{} of {length} bytes", bytes.len());
    }
    // One that closes its output early and lives on is not over.
    let events = events_of(&engine, programs(vec![sh("echo early; exec 1>&- 2>&-; sleep 0.2; exit 6")]), |_| {});
    let status = |event: &Event| matches!(event.kind, EventKind::ProcessExited { status: ExitStatus::Exited(6), .. });
    assert!(output(&events, Stream::Stdout) == b"early\n" && events.iter().any(status));
}

/// Wherever a read ends: a program that stops within a character to wait is heard all the same.
///
/// Covers: promise 5, F44.
#[test]
fn text_arrives_as_text_however_late_the_rest_of_a_character_comes() {
    let engine = engine(Some(256));
    // Lines of 31 bytes in writes of many pages: the ends of reads fall within characters.
    let script = "import os, sys\nfor _ in range(50): os.write(1, ('grüße an den 🦀 und das süße ß\\n' * 3001).encode())";
    let events = events_of(&engine, programs(vec![ChildSpec::new(["python3", "-c", script])]), |_| {});
    let outputs = events.iter().filter_map(|event| match &event.kind {
        EventKind::Output { bytes, .. } => Some(std::str::from_utf8(bytes).is_ok()),
        _ => None,
    });
    let (texts, others): (Vec<bool>, Vec<bool>) = outputs.partition(|is_text| *is_text);
    assert!(texts.len() > 20 && others.is_empty(), "{} texts and {} others", texts.len(), others.len());
    let text = "grüße an den 🦀 und das süße ß\n".repeat(3001 * 50);
    assert!(output(&events, Stream::Stdout) == text.as_bytes(), "to the byte");

    // The halves of a character may come far apart.
    let script = r"import os, sys, time
for half in b'gr\xc3', b'\xbc\xc3', b'\x9fe': os.write(1, half); time.sleep(0.3)
os.write(1, b' caf\xe9')";
    let events = events_of(&engine, programs(vec![ChildSpec::new(["python3", "-c", script])]), |_| {});
    let pieces = events.iter().filter_map(|event| match &event.kind {
        EventKind::Output { bytes, .. } => Some(bytes.as_slice()),
        _ => None,
    });
    let mut pieces: Vec<&[u8]> = pieces.collect();
    assert_eq!(pieces.pop(), Some(&b"\xe9"[..]), "the end of the stream tells what never became a character");
    assert!(pieces.iter().all(|piece| std::str::from_utf8(piece).is_ok()), "{pieces:?}");
    assert_eq!(String::from_utf8_lossy(&pieces.concat()), "grüße caf");
}

/// A grandchild holds the pipe: the child's end and the output's end are two things.
///
/// Covers: F22, facts 7, 32.
#[test]
fn a_grandchild_that_holds_the_pipe_holds_up_neither_the_status_nor_the_end() {
    let engine = engine(Some(256));
    let began = Instant::now();
    let events = events_of(&engine, programs(vec![sh("setsid sleep 600 & echo hi; exit 3")]), |_| {});
    let exited =
        events.iter().position(|event| matches!(event.kind, EventKind::ProcessExited { status: ExitStatus::Exited(3), .. }));
    let closed = events.iter().position(|event| matches!(event.kind, EventKind::OutputClosed { stream: Stream::Stdout, .. }));
    assert!(exited.expect("told") < closed.expect("told, once the grandchild is gone"), "{events:?}");
    assert_eq!((outcome(&events).1, output(&events, Stream::Stdout)), (0, b"hi\n".to_vec()));
    assert!(began.elapsed() < deadline(), "and not after 600 s");
}

/// Covers: F42.
#[test]
fn six_hundred_captured_children_still_speak() {
    let mut supervisor = support::Supervisor::start();
    let count = rounds(150, 600);
    // As an ordinary user one has pages for some of these pipes in full, and the rest are small.
    let children: Vec<_> = (0..count).map(|_| supervisor.launch_one(sh("printf '%09000d' 7; exit 3"))).collect();
    for (pid, pipes) in children {
        assert_eq!(support::stress::read_all(pipes.stdout.expect("captured")).len(), 9_000);
        assert_eq!(supervisor.exit_of(pid), ExitStatus::Exited(3));
    }
}

/// Covers: F43, F44, F45.
#[test]
fn a_line_of_ten_megabytes_and_bytes_that_are_no_text_are_kept_as_they_are() {
    let tapped = engine(Some(256));
    let script = "import sys\nsys.stdout.buffer.write(b'\\xff\\x00\\xc3' * 10 + b'x' * 10_000_000)";
    let events = events_of(&tapped, programs(vec![ChildSpec::new(["python3", "-c", script])]), |_| {});
    let bytes = output(&events, Stream::Stdout);
    assert!(
        bytes.len() == 10_000_030 && bytes[..6] == *b"\xff\x00\xc3\xff\x00\xc3" && bytes.ends_with(b"xxx"),
        "{}",
        bytes.len()
    );
    // A view gets text without a single control character, after any output.
    let shown = engine(None);
    let script = "printf '\\033]0;owned\\007\\033[2Jplain \\303'; sleep 0.1; printf '\\274\\342\\200\\256\\n'";
    shown.handle().send(Command::Launch(Box::new(programs(vec![sh(script)])))).expect("taken");
    eventually("the run is over", || view(&shown, 0).is_some_and(|run| matches!(run.state, RunState::Finished(_))));
    let run = view(&shown, 0).expect("a run");
    let tail = &run.outputs.iter().find(|output| output.stream == Stream::Stdout).expect("captured").tail;
    assert!(
        tail.contains("plain ü") && !tail.contains('\u{1b}') && !tail.contains('\u{7}') && !tail.contains('\u{202e}'),
        "{tail:?}"
    );
}
