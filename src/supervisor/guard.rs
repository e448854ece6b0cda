//! The guard: the supervisor's parent, which does nothing as long as app and supervisor live. When the app is gone and the supervisor
//! cannot do its last work (it was stopped, is traced or frozen) or was killed as well, the guard does it: what the supervisor has
//! started comes to it as the next subreaper. One thread; it never talks to the app.

use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::Ordering;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::pipe::{PipeFlags, pipe_with};
use serde::{Deserialize, Serialize};

use super::family::Family;
use super::header::DEAD_MAN;
use crate::gpio::{self, BoardKind, Lines};
use crate::model::{ExitStatus, Level, Line, Monotonic, Pid, ProcessState, Signal};
use crate::sys::{self, Changed, Forked, PidFd, SharedNumber, SignalScope, WhatEnded, monotonic_now};

/// How often the guard looks once the app is gone.
const LOOK: Timespec = Timespec { tv_sec: 0, tv_nsec: 10_000_000 };
/// How long a supervisor whose app is gone may stand still before it is killed: the guard can do its work.
const STUCK: Duration = Duration::from_millis(400);

/// What the guard must know of the header: the board, the lines that are driven, each with its safe level, and which may be high.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct DrivenLines {
    pub(super) board: BoardKind,
    pub(super) safe_levels: Vec<(Line, Level)>,
    pub(super) may_be_high: Vec<Line>,
}

/// The supervisor's end: it says that it gets on, and which lines it drives.
#[derive(Debug)]
pub(super) struct Guarded {
    beats: Option<SharedNumber>,
    lines: Option<std::fs::File>,
    told: Option<DrivenLines>,
}

impl Guarded {
    /// The supervisor gets on.
    pub(super) fn beat(&self) {
        if let Some(beats) = &self.beats {
            beats.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Tells of the lines that are driven, if others are than before.
    pub(super) fn tell(&mut self, driven: DrivenLines) {
        let Some(file) = self.lines.as_mut().filter(|_| self.told.as_ref() != Some(&driven)) else { return };
        if let Ok(mut line) = serde_json::to_vec(&driven) {
            line.push(b'\n');
            // In one write, or not at all: a guard that is stopped must not hold up the supervisor, and is told the next time.
            if file.write(&line).is_ok() {
                self.told = Some(driven);
            }
        }
    }
}

/// Makes this process the guard of a copy of itself. Returns in the copy, which is to be the supervisor. Without room for one more
/// process there is no guard, and this process is the supervisor.
pub(super) fn stand_guard(socket: OwnedFd) -> io::Result<(OwnedFd, Guarded)> {
    let app = App::parent();
    let beats = SharedNumber::new()?;
    let (reader, writer) = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)?;
    match sys::fork() {
        Ok(Forked::Child) => {
            sys::continue_when_parent_ends()?;
            Ok((socket, Guarded { beats: Some(beats), lines: Some(writer.into()), told: None }))
        }
        Ok(Forked::Parent(supervisor)) => {
            drop((socket, writer));
            let guard = PidFd::open(supervisor).map(|pidfd| Guard {
                app,
                supervisor: pidfd,
                beats,
                reader: reader.into(),
                heard: Vec::new(),
            });
            let is_clean = guard.is_ok_and(Guard::stand);
            sys::exit_now(i32::from(!is_clean))
        }
        Err(_) => Ok((socket, Guarded { beats: None, lines: None, told: None })),
    }
}

/// Whom the supervisor serves.
struct App {
    pid: Pid,
    pidfd: PidFd,
}

impl App {
    /// `None`: it has ended already.
    fn parent() -> Option<Self> {
        let parent = || Pid::new(std::os::unix::process::parent_id().cast_signed());
        let pid = parent();
        let pidfd = PidFd::open(pid).ok()?;
        (parent() == pid).then_some(Self { pid, pidfd })
    }

    /// Whether somebody has stopped it, or traces it. Where /proc is another PID namespace's, nobody can say.
    fn is_stopped(&self) -> bool {
        let state = sys::stat_of(self.pid).map(|stat| stat.state);
        matches!(state, Some(ProcessState::Stopped | ProcessState::TracingStop)) && sys::foreign_proc().is_none()
    }
}

struct Guard {
    app: Option<App>,
    supervisor: PidFd,
    beats: SharedNumber,
    reader: std::fs::File,
    /// The newest whole line from the supervisor, and what has come of the next.
    heard: Vec<u8>,
}

impl Guard {
    /// Waits for the supervisor's end; then nothing is left. Whether there was nothing to do.
    fn stand(mut self) -> bool {
        let _ = sys::rename_thread("tasklab-guard");
        let mut last_beat = None::<(u64, Monotonic)>;
        while !is_readable(self.supervisor.as_fd()) {
            let is_alone = self.is_app_gone();
            self.wait(is_alone);
            self.listen();
            if !is_alone {
                continue;
            }
            // Whoever stopped it has stopped what the lines depend on.
            let _ = self.supervisor.signal(Signal::CONT, SignalScope::Process);
            let (now, beats) = (monotonic_now(), self.beats.load(Ordering::Relaxed));
            match last_beat {
                Some((before, since)) if before == beats => {
                    if now.since(since) >= STUCK {
                        let _ = self.supervisor.signal(Signal::KILL, SignalScope::Process);
                    }
                }
                _ => last_beat = Some((beats, now)),
            }
        }
        self.listen();
        let ended = sys::wait_pidfd(&self.supervisor, WhatEnded::Reap);
        let is_clean = matches!(ended, Ok(Some(waited)) if waited.changed == Changed::Ended(ExitStatus::Exited(0)));
        // While the app is there, its next supervisor recovers the lines, and the app ends us.
        let was_alone = self.is_app_unable();
        if !is_clean && was_alone {
            self.make_safe();
        }
        Family::new().end(|| {});
        if !is_clean && !was_alone && self.has_driven() {
            let until = monotonic_now() + DEAD_MAN;
            while monotonic_now() < until && !self.is_app_unable() {
                let _ = poll(&mut [], Some(&LOOK));
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
        self.app.as_ref().is_none_or(|app| is_readable(app.pidfd.as_fd()))
    }

    /// Until app or supervisor end, or the supervisor says something; once the app is gone, for a moment.
    fn wait(&self, is_alone: bool) {
        let mut fds = vec![PollFd::new(&self.supervisor, PollFlags::IN)];
        // When the supervisor's end is closed, that is readable for ever; its process says the same once.
        fds.extend((!is_alone).then(|| PollFd::new(&self.reader, PollFlags::IN)));
        fds.extend(self.app.iter().filter(|_| !is_alone).map(|app| PollFd::new(&app.pidfd, PollFlags::IN)));
        let _ = poll(&mut fds, is_alone.then_some(&LOOK));
    }

    fn listen(&mut self) {
        let mut bytes = [0; 4096];
        while let Ok(count @ 1..) = self.reader.read(&mut bytes) {
            self.heard.extend_from_slice(&bytes[..count]);
        }
        // Only the newest whole line counts.
        let mut ends = self.heard.iter().enumerate().rev().filter(|(_, byte)| **byte == b'\n').map(|(index, _)| index);
        if let (Some(_), Some(before)) = (ends.next(), ends.next()) {
            self.heard.drain(..=before);
        }
    }

    /// What was told last.
    fn driven(&self) -> Option<DrivenLines> {
        let line = self.heard.split(|byte| *byte == b'\n').next().unwrap_or_default();
        serde_json::from_slice(line).ok()
    }

    fn has_driven(&self) -> bool {
        self.driven().is_some_and(|driven| !driven.safe_levels.is_empty())
    }

    /// Drives the lines that the supervisor drove to their safe levels, and gives them back.
    fn make_safe(&self) {
        let Some(driven) = self.driven().filter(|driven| !driven.safe_levels.is_empty()) else { return };
        let Ok(board) = gpio::open_board(&driven.board) else { return };
        // Nobody is left who could be told of one that somebody else has taken meanwhile: it is theirs.
        let _ = Lines::new(board).recover(&driven.safe_levels, &driven.may_be_high, monotonic_now());
    }
}

/// Whether a process has ended.
fn is_readable(pidfd: BorrowedFd<'_>) -> bool {
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    poll(&mut [PollFd::from_borrowed_fd(pidfd, PollFlags::IN)], Some(&now)).is_ok_and(|ready| ready > 0)
}
