//! The guard: the supervisor's parent, which only waits as long as app and supervisor live. When the app is gone and the supervisor
//! cannot do its last work (it is stopped, traced or frozen) or was killed as well, the guard does that work: the processes that the
//! supervisor has started come to it, as the next subreaper. It has one thread and never talks to the app.

use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::sync::atomic::Ordering;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags};
use rustix::pipe::{PipeFlags, pipe_with};

use super::child_table::ChildTable;
use super::driven_lines::{DEAD_MAN, DrivenLines};
use crate::gpio::{self, Lines};
use crate::model::{ExitStatus, Monotonic, Pid, ProcessState, Signal};
use crate::sys::{self, ChildChange, Forked, PidFd, SharedNumber, SignalScope, WaitMode, is_readable, monotonic_now, parent_pid};

/// How often the guard looks once the app is gone.
const LOOK: Duration = Duration::from_millis(10);
/// How long a supervisor whose app is gone may show no heartbeat before it is killed, and the guard does its work.
const STUCK: Duration = Duration::from_millis(400);

/// The supervisor's connection to its guard: a heartbeat, and the lines that it drives.
#[derive(Debug)]
pub(super) struct GuardLink {
    heartbeats: Option<SharedNumber>,
    lines: Option<std::fs::File>,
    sent: Option<DrivenLines>,
}

impl GuardLink {
    /// Shows that the supervisor is not stuck.
    pub(super) fn heartbeat(&self) {
        if let Some(heartbeats) = &self.heartbeats {
            heartbeats.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Sends the lines that are driven, if they have changed.
    pub(super) fn send(&mut self, driven: DrivenLines) {
        let Some(file) = self.lines.as_mut().filter(|_| self.sent.as_ref() != Some(&driven)) else { return };
        if let Ok(mut line) = serde_json::to_vec(&driven) {
            line.push(b'\n');
            // In one write, or not at all: a stopped guard must not hold up the supervisor. It gets the lines the next time.
            if file.write(&line).is_ok() {
                self.sent = Some(driven);
            }
        }
    }
}

/// Forks: this process becomes the guard, and the function returns in its child, which is to be the supervisor. If it cannot fork, there
/// is no guard, and the function returns in this process.
pub(super) fn fork_supervisor(socket: OwnedFd) -> io::Result<(OwnedFd, GuardLink)> {
    let app = App::parent();
    let heartbeats = SharedNumber::new()?;
    let (reader, writer) = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)?;
    match sys::fork() {
        Ok(Forked::Child) => {
            sys::continue_when_parent_ends()?;
            Ok((socket, GuardLink { heartbeats: Some(heartbeats), lines: Some(writer.into()), sent: None }))
        }
        Ok(Forked::Parent(supervisor)) => {
            drop((socket, writer));
            let guard = PidFd::open(supervisor).map(|pidfd| Guard {
                app,
                supervisor: pidfd,
                heartbeats,
                reader: reader.into(),
                received: Vec::new(),
            });
            let is_clean = guard.is_ok_and(Guard::run);
            sys::exit_now(i32::from(!is_clean))
        }
        Err(_) => Ok((socket, GuardLink { heartbeats: None, lines: None, sent: None })),
    }
}

/// The process that the supervisor serves.
struct App {
    pid: Pid,
    pidfd: PidFd,
}

impl App {
    /// `None`: it has ended already.
    fn parent() -> Option<Self> {
        let pid = parent_pid();
        let pidfd = PidFd::open(pid).ok()?;
        (parent_pid() == pid).then_some(Self { pid, pidfd })
    }

    /// Whether it is stopped or traced. In a foreign /proc that cannot be seen, and counts as no.
    fn is_stopped(&self) -> bool {
        let state = sys::stat_of(self.pid).map(|stat| stat.state);
        matches!(state, Some(ProcessState::Stopped | ProcessState::TracingStop)) && sys::foreign_proc().is_none()
    }
}

struct Guard {
    app: Option<App>,
    supervisor: PidFd,
    heartbeats: SharedNumber,
    reader: std::fs::File,
    /// The newest whole line from the supervisor, and the beginning of the next.
    received: Vec<u8>,
}

impl Guard {
    /// Waits for the supervisor's end, and kills what it has left. `true`: the supervisor had left nothing to do.
    fn run(mut self) -> bool {
        let _ = sys::rename_thread("tasklab-guard");
        let mut last = None::<(u64, Monotonic)>;
        while !is_readable(&self.supervisor, Duration::ZERO) {
            let is_alone = self.is_app_gone();
            self.wait(is_alone);
            self.receive();
            if !is_alone {
                continue;
            }
            // A stopped supervisor cannot make the lines safe.
            let _ = self.supervisor.signal(Signal::CONT, SignalScope::Process);
            let (now, heartbeats) = (monotonic_now(), self.heartbeats.load(Ordering::Relaxed));
            match last {
                Some((before, since)) if before == heartbeats => {
                    if now.since(since) >= STUCK {
                        let _ = self.supervisor.signal(Signal::KILL, SignalScope::Process);
                    }
                }
                _ => last = Some((heartbeats, now)),
            }
        }
        self.receive();
        let ended = sys::wait_pidfd(&self.supervisor, WaitMode::Reap);
        let is_clean = matches!(ended, Ok(Some(waited)) if waited.change == ChildChange::Ended(ExitStatus::Exited(0)));
        // While the app is there, its next supervisor recovers the lines, and the app ends us.
        let was_alone = self.is_app_unable();
        if !is_clean && was_alone {
            self.make_safe();
        }
        ChildTable::new().kill_everything(|| {});
        if !is_clean && !was_alone && self.has_driven() {
            let until = monotonic_now() + DEAD_MAN;
            while monotonic_now() < until && !self.is_app_unable() {
                let _ = sys::poll(&mut [], Some(LOOK));
            }
            if self.is_app_unable() {
                self.make_safe();
            }
        }
        is_clean
    }

    /// Whether the app cannot recover the lines.
    fn is_app_unable(&self) -> bool {
        self.is_app_gone() || self.app.as_ref().is_some_and(App::is_stopped)
    }

    fn is_app_gone(&self) -> bool {
        self.app.as_ref().is_none_or(|app| is_readable(&app.pidfd, Duration::ZERO))
    }

    /// Waits until app or supervisor end, or the supervisor sends its lines; once the app is gone, for a moment only.
    fn wait(&self, is_alone: bool) {
        let mut fds = vec![PollFd::new(&self.supervisor, PollFlags::IN)];
        // A pipe whose writer has ended is readable for ever, so the pipe is left out once the app is gone.
        fds.extend((!is_alone).then(|| PollFd::new(&self.reader, PollFlags::IN)));
        fds.extend(self.app.iter().filter(|_| !is_alone).map(|app| PollFd::new(&app.pidfd, PollFlags::IN)));
        let _ = sys::poll(&mut fds, is_alone.then_some(LOOK));
    }

    fn receive(&mut self) {
        let mut bytes = [0; 4096];
        while let Ok(count @ 1..) = self.reader.read(&mut bytes) {
            self.received.extend_from_slice(&bytes[..count]);
        }
        // Only the newest whole line counts.
        let mut ends = self.received.iter().enumerate().rev().filter(|(_, byte)| **byte == b'\n').map(|(index, _)| index);
        if let (Some(_), Some(before)) = (ends.next(), ends.next()) {
            self.received.drain(..=before);
        }
    }

    /// The lines that the supervisor sent last.
    fn driven(&self) -> Option<DrivenLines> {
        let line = self.received.split(|byte| *byte == b'\n').next().unwrap_or_default();
        serde_json::from_slice(line).ok()
    }

    fn has_driven(&self) -> bool {
        self.driven().is_some_and(|driven| !driven.safe_levels.is_empty())
    }

    /// Drives the lines that the supervisor drove to their safe levels, and releases them.
    fn make_safe(&self) {
        let Some(driven) = self.driven().filter(|driven| !driven.safe_levels.is_empty()) else { return };
        let Ok(board) = gpio::open_board(&driven.board) else { return };
        // A line that another program has taken meanwhile is that program's, and nobody is left who could be told.
        let _ = Lines::new(board).recover(&driven.safe_levels, &driven.may_be_high, monotonic_now());
    }
}
