//! The lines of the command line: every write is a batch of whole ones, so that a reader who follows, or finds the rest of an interrupted
//! run, has no half line. Read through a socket that keeps the bounds between writes.

use std::os::fd::OwnedFd;
use std::os::unix::net::UnixDatagram;
use std::process::{Child, Stdio};
use std::time::Duration;

use support::program::tasklab;
use support::stress::kill;
use support::watchdog::Watchdog;

/// Runs it to its end with such a standard output; `act` sees after each write how many there were.
fn writes(arguments: &[&str], mut act: impl FnMut(&Child, usize)) -> Vec<Vec<u8>> {
    let (ours, theirs) = UnixDatagram::pair().expect("two ends");
    ours.set_nonblocking(true).expect("ours");
    let mut child = tasklab(arguments).stdout(Stdio::from(OwnedFd::from(theirs))).spawn().expect("runs");
    let mut writes = Vec::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        // Such a socket does not tell when its writers have gone.
        let has_ended = child.try_wait().expect("ours").is_some();
        match ours.recv(&mut buffer) {
            Ok(count) => {
                writes.push(buffer[..count].to_vec());
                act(&child, writes.len());
            }
            Err(_) if has_ended => return writes,
            Err(_) => std::thread::sleep(Duration::from_millis(1)),
        }
    }
}

#[track_caller]
fn are_whole(writes: &[Vec<u8>], begin: &[u8]) {
    for write in writes {
        assert!(write.ends_with(b"\n"), "half a line at the end of a write of {} bytes", write.len());
        assert!(
            write.starts_with(begin),
            "half a line at its beginning: {:?}",
            String::from_utf8_lossy(&write[..write.len().min(80)])
        );
    }
}

const FLOOD: &str = "i=0; while [ $i -lt 3000 ]; do i=$((i+1)); printf '%0300d\\n' $i; done; printf '%0100000d' 7";

#[test]
fn event_lines_are_written_whole_to_the_last_and_when_interrupted() {
    let _watchdog = Watchdog::after(Duration::from_mins(10));
    let arguments = ["exec", "--json", "--", "sh", "-c", FLOOD];
    let all = writes(&arguments, |_, _| {});
    are_whole(&all, b"{");
    assert!(all.iter().map(Vec::len).sum::<usize>() > 1_000_000, "the control: a flood, in {} writes", all.len());
    assert!(all.last().is_some_and(|last| String::from_utf8_lossy(last).contains("run.finished")));
    for signal in [rustix::process::Signal::INT, rustix::process::Signal::KILL] {
        let endless = ["exec", "--json", "--", "sh", "-c", "while :; do printf '%0300d\\n' 1; done"];
        let cut = writes(&endless, |child, count| {
            if count == 40 {
                kill(child.id().cast_signed(), signal);
            }
        });
        are_whole(&cut, b"{");
        assert!(cut.len() >= 40, "the control: it was under way");
    }
}

#[test]
fn the_story_is_written_in_whole_lines() {
    let _watchdog = Watchdog::after(Duration::from_mins(10));
    let all = writes(&["run", "race", "--timeout", "60"], |_, _| {});
    are_whole(&all, b" ");
    assert!(all.len() > 1, "as it goes on");
}
