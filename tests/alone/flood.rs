//! Promise 6: a flood stays in bounded memory. Alone in its program, since it is the program's memory that is measured.

use std::sync::Arc;
use std::time::{Duration, Instant};

use support::runs::{engine, programs};
use support::stress::{kill, seconds};
use support::watchdog::Watchdog;
use support::{descendants_of, eventually, memory_of, state_of};
use tasklab::engine::{Command, Engine, LaunchRequest};
use tasklab::model::{ChildSpec, RunState, RunView, Stream};

use crate::alone;

fn view(engine: &Engine, index: usize) -> Option<Arc<RunView>> {
    engine.handle().snapshot().runs.get(index).cloned()
}

/// Covers: promise 6, F40.
#[test]
fn a_flood_stays_within_its_memory_and_every_dropped_byte_is_counted() {
    let _alone = alone();
    let length = seconds(10, 60);
    let _watchdog = Watchdog::after(length + Duration::from_mins(5));
    let engine = engine(None);
    let own = std::process::id().cast_signed();
    let below: Vec<i32> = descendants_of(own);
    let before = memory_of(own);
    for _ in 0..4 {
        let launch = LaunchRequest { timeout: None, ..programs(vec![ChildSpec::new(["yes"])]) };
        engine.handle().send(Command::Launch(Box::new(launch))).expect("taken");
    }
    let began = Instant::now();
    let mut most = before;
    while began.elapsed() < length {
        most = most.max(memory_of(own));
        std::thread::sleep(Duration::from_millis(50));
    }
    // Each is stopped, so that what it has written (`wchar` of /proc/PID/io) and what was read of it can be compared.
    let mut sent_by_all = 0;
    for index in 0..4 {
        let run = view(&engine, index).expect("a run");
        let pid = run.processes[0].pid.number();
        assert!(!below.contains(&pid));
        kill(pid, rustix::process::Signal::STOP);
        eventually("yes is stopped", || state_of(pid) == Some('T'));
        let sent = || {
            let io = std::fs::read_to_string(format!("/proc/{pid}/io")).expect("our own child's");
            io.lines().find_map(|line| line.strip_prefix("wchar: ")?.parse::<u64>().ok()).expect("wchar")
        };
        let (mut read, mut told) = (0, false);
        eventually("what was sent is kept or counted", || {
            let run = view(&engine, index).expect("a run");
            let stdout = run.outputs.iter().find(|output| output.stream == Stream::Stdout).expect("captured");
            told = stdout.dropped > 0;
            read = stdout.kept + stdout.dropped;
            read == sent()
        });
        assert!(told, "the control: it was a flood");
        sent_by_all += read;
    }
    println!("4 × yes for {length:?}: {sent_by_all} bytes, kept or counted; memory {before} KiB + {} KiB", most - before);
    assert!(most - before <= 64 * 1024, "{} KiB more", most - before);
    engine.handle().send(Command::StopEverything).expect("taken");
    let is_over = |index| view(&engine, index).is_some_and(|run| matches!(run.state, RunState::Finished(_)));
    eventually("all runs are over", || (0..4).all(is_over));
}
