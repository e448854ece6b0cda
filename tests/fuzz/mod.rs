//! The fuzzed functions: they take bytes from outside. Each has a check that must hold for any bytes. The targets in `fuzz/`
//! and the smoke test share this.

use std::os::fd::AsFd;

use rustix::net::{AddressFamily, SendFlags, SocketFlags, SocketType, send, socketpair};
use tasklab::engine::Lines;
use tasklab::model::{BodyLine, Event, EventKind, Monotonic, Pid};
use tasklab::monitor::parse_syscall;
use tasklab::supervisor::{Report, Request};
use tasklab::sys::{PacketSocket, parse_stat, signal_mask};

/// A packet as the other end of the socket could send it, and the message in it. A message that is understood is written and read again.
pub fn protocol(data: &[u8]) {
    let pair = socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None);
    let Ok((ours, theirs)) = pair else { return };
    // Longer ones do not fit into a packet; the receiver has room for 8 KiB and would cut them.
    let _ = send(theirs.as_fd(), &data[..data.len().min(16 * 1024)], SendFlags::NOSIGNAL);
    drop(theirs);
    let Ok(Some((message, fds))) = PacketSocket::from(ours).receive() else { return };
    assert!(fds.is_empty(), "nobody sent a descriptor");
    if let Ok(request) = serde_json::from_slice::<Request>(&message) {
        if let Request::Launch { stages, .. } = &request {
            for stage in stages {
                let _ = (stage.validate(), stage.display_name());
            }
        }
        let again = serde_json::to_string(&request).expect("what was read can be written");
        serde_json::from_str::<Request>(&again).expect("and read again");
    }
    if let Ok(report) = serde_json::from_slice::<Report>(&message) {
        let again = serde_json::to_string(&report).expect("what was read can be written");
        serde_json::from_str::<Report>(&again).expect("and read again");
    }
}

/// Bytes from a body on its event pipe, in two pieces. No body finishes a run; the complaints about it are bounded; every event
/// is a line that says the same.
pub fn event_lines(data: &[u8]) {
    let (pid, now) = (Pid::new(1), Monotonic::ZERO);
    let mut lines = Lines::default();
    let mut events = Vec::new();
    let cut = data.first().map_or(0, |first| usize::from(*first) * data.len() / 256);
    let mut count = 0;
    let mut take = |line| {
        count += 1;
        if let BodyLine::Fact(event) = line {
            events.push(event);
        }
        Ok(())
    };
    for piece in [&data[..cut], &data[cut..]] {
        lines.push(piece, pid, now, &mut take);
    }
    lines.end(pid, now, &mut take);
    assert!(count <= data.split(|byte| *byte == b'\n').count() + 2);
    for event in events {
        assert!(!matches!(event.kind, EventKind::RunStarted { .. } | EventKind::RunFinished { .. }));
        let line = event.to_line();
        assert!(!line.contains('\n'), "{line}");
        let again = Event::from_line(line.as_bytes(), now).expect("our own line").expect("of a kind that is known");
        // The same event; serde_json may read the last digit of a long number otherwise than it wrote it.
        assert_eq!(std::mem::discriminant(&again.kind), std::mem::discriminant(&event.kind));
    }
}

/// Texts that a process can make /proc print.
pub fn proc_files(data: &[u8]) {
    if let Some(stat) = parse_stat(data) {
        assert!(
            data.windows(stat.comm.len() + 2).any(|part| part[1..=stat.comm.len()] == stat.comm[..]),
            "the name is in the line"
        );
        assert!(!stat.name().chars().any(char::is_control));
    }
    let _ = (parse_syscall(data), signal_mask(data, "SigIgn"));
    // A process chooses its name and no other field. The crate procfs reads the line independently of us.
    let comm: Vec<u8> = data.iter().copied().filter(|byte| *byte != 0).take(64).collect();
    let line = [&b"4711 ("[..], &comm, TAIL].concat();
    let ours = parse_stat(&line).expect("the kernel's form");
    assert_eq!((ours.id, ours.ppid.number(), ours.pgid.number(), ours.start_ticks), (4711, 7, 8, 149_057));
    assert_eq!(ours.comm, comm);
    let theirs = <procfs::process::Stat as procfs::FromRead>::from_read(&line[..]).expect("the kernel's form");
    assert_eq!((theirs.pid, theirs.state, theirs.ppid, theirs.pgrp, theirs.starttime), (4711, 'S', 7, 8, 149_057));
}

/// The fields behind the name in /proc/PID/stat.
const TAIL: &[u8] =
    b") S 7 8 9 0 -1 4194304 128 0 1 0 30 12 500 600 20 0 3 0 149057 2990080 424 18446744073709551615 1 2 3 0 0 0 0 6 0 \
    1 0 0 17 5 0 0 0 0 0 1 2 3 4 5 6 7 0\n";
