//! The supervisor's own process: one thread, one loop over the socket and SIGCHLD. It never waits for the app, and when
//! the app is gone it ends everything that it has started.

use std::ffi::OsString;
use std::io;
use std::os::fd::OwnedFd;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::capacity::{Dispensability, Room, leave_processes_to_the_app};
use super::cgroup::Cgroups;
use super::child_table::{Family, Orphans};
use super::descendants::is_exhausted;
use super::guard::{Guarded, stand_guard};
use super::header::Header;
use super::link::{Link, Received};
use super::protocol::{Report, Request};
use super::systemd_scope::AskedScope;
use crate::model::{ChildSpec, Pid, RunId, Signal};
use crate::sys::{self, PacketSocket, PidFd, SignalFd, monotonic_now};

/// How long requests are handled before children are looked after again.
const TURN: Duration = Duration::from_millis(5);

/// Serves the app at the other end of `socket` until it closes it or dies; then leaves nothing behind. In a copy of this process: the
/// one that calls it becomes its guard, and does not return.
pub fn serve(socket: OwnedFd) -> io::Result<()> {
    // Ctrl-C, Ctrl-\\, a closed terminal and a polite kill of the whole group are the app's to act on: it asks us.
    // Nor does Ctrl-Z stop us, nor end us a log that may not grow: somebody must make the lines of the header safe.
    for signal in [Signal::INT, Signal::TERM, Signal::HUP, Signal::QUIT, Signal::TSTP, Signal::TTIN, Signal::TTOU, Signal::XFSZ] {
        sys::ignore_signal(signal)?;
    }
    sys::become_subreaper()?;
    // The guard, too, is continued if somebody stops it before the app ends.
    sys::continue_when_parent_ends()?;
    if !sys::has_one_thread()? {
        return Err(io::Error::other("the supervisor has more than one thread, so it cannot fork safely"));
    }
    let app = std::os::unix::process::parent_id();
    let (socket, guarded) = stand_guard(socket)?;
    sys::become_subreaper()?;
    let child_signals = SignalFd::new(&[Signal::CHLD])?;
    let _ = sys::rename_thread("tasklab-super");
    let header = Header::open(monotonic_now()).map_err(io::Error::other)?;
    leave_processes_to_the_app();
    let mut link = Link::new(PacketSocket::from(socket))?;
    let myself = Pid::new(std::process::id().cast_signed());
    let pidfd = PidFd::open(myself)?;
    link.queue(&Report::Ready { pid: myself, trouble: sys::foreign_proc() }, vec![pidfd.into()])?;
    let mut server = Server {
        link,
        guarded,
        family: Family::new(),
        header,
        room: Room::default(),
        dispensability: Dispensability::open(),
        cgroups: Cgroups::of(Pid::new(app.cast_signed())),
        asked_scope: None,
        launches: Vec::new(),
        folders: Vec::new(),
        spare: None,
    };
    server.family.keep_reserve();
    // A mistake of ours must not leave anybody's processes behind: what is told of it comes after the burial.
    let result = catch_unwind(AssertUnwindSafe(|| server.run(&child_signals)));
    server.header.make_safe(monotonic_now());
    server.cgroups.kill(None);
    server.family.end(|| server.guarded.beat());
    server.cgroups.remove();
    for folder in &server.folders {
        let _ = std::fs::remove_dir_all(folder);
    }
    match result {
        Err(panic) => resume_unwind(panic),
        Ok(result) => none_if_gone(result),
    }
}

/// A link that broke because the app went is the usual end.
fn none_if_gone(result: io::Result<()>) -> io::Result<()> {
    match result {
        // The app went while something was being told.
        Err(error) if matches!(error.kind(), io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset) => Ok(()),
        result => result,
    }
}

pub(super) struct Server {
    pub(super) link: Link,
    guarded: Guarded,
    pub(super) family: Family,
    header: Header,
    pub(super) room: Room,
    pub(super) dispensability: Option<Dispensability>,
    pub(super) cgroups: Cgroups,
    pub(super) asked_scope: Option<AskedScope>,
    /// What waits for that scope.
    pub(super) launches: Vec<(RunId, Vec<ChildSpec>)>,
    /// What is removed at the end: the app's files, which it could not remove if it were killed.
    folders: Vec<OsString>,
    /// Kept for the file of a long request.
    spare: Option<OwnedFd>,
}

impl Server {
    fn run(&mut self, child_signals: &SignalFd) -> io::Result<()> {
        let board = self.header.report(None, None);
        self.tell(vec![board])?;
        loop {
            self.guarded.beat();
            self.guarded.tell(self.header.driven());
            // What asks and does not listen, or a line that is noisy, must not make a queue without end.
            let is_full = self.link.is_full();
            let wanted = if self.link.has_waiting() { PollFlags::OUT } else { PollFlags::empty() };
            let wanted = if is_full { wanted } else { wanted | PollFlags::IN };
            let lines = if is_full { Vec::new() } else { self.header.fds() };
            let mut fds = vec![PollFd::new(&self.link, wanted), PollFd::new(child_signals, PollFlags::IN)];
            fds.extend(lines.iter().map(|fd| PollFd::from_borrowed_fd(*fd, PollFlags::IN)));
            let scope = self.asked_scope.as_ref().map(|asked| asked.next_look(monotonic_now()));
            let timeout = self.header.deadline().into_iter().chain(scope).min().map(|at| {
                let left = at.since(monotonic_now());
                Timespec { tv_sec: left.as_secs() as i64, tv_nsec: i64::from(left.subsec_nanos()) }
            });
            match poll(&mut fds, timeout.as_ref()) {
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
            let (socket, children) = (fds[0].revents(), fds[1].revents());
            let lines_changed = fds[2..].iter().any(|fd| !fd.revents().is_empty());
            let mut reports = Vec::new();
            if lines_changed {
                reports.extend(self.header.collect(monotonic_now()));
            }
            if children.intersects(PollFlags::IN) {
                while child_signals.read()?.is_some() {}
                self.family.collect(&mut reports)?;
                reports.extend(self.cgroups.look_after().into_iter().map(|(run, text)| Report::Note { run, text }));
            }
            self.tell(reports)?;
            self.look_for_scope(monotonic_now())?;
            if socket.intersects(PollFlags::IN | PollFlags::HUP | PollFlags::ERR) {
                let is_open = self.take_requests()?;
                self.dispensability.iter_mut().for_each(Dispensability::lower);
                if !is_open {
                    return Ok(());
                }
            }
            // What the app has said by now counts, also if both of us slept.
            let expired = self.header.check(monotonic_now());
            self.tell(expired.into_iter().collect())?;
            self.flush()?;
        }
    }

    /// Sends what waits. A long report needs a descriptor, if need be one of the reserved.
    fn flush(&mut self) -> io::Result<()> {
        match self.link.flush() {
            Err(error) if is_exhausted(&error) => {
                let link = &mut self.link;
                self.family.with_reserve(|_| link.flush())
            }
            result => result,
        }
    }

    /// Handles what has come in, for a moment at most, so that children are reaped in between; `false` once the app has closed its
    /// end.
    fn take_requests(&mut self) -> io::Result<bool> {
        let until = monotonic_now() + TURN;
        loop {
            // Without room for its descriptor a long request would be lost.
            self.spare = None;
            let received = self.link.receive::<Request>()?;
            // Any descriptor holds a place.
            self.spare = sys::dup_at_least(&self.link, 0).ok();
            match received {
                Received::Message(request, _) => self.handle(request)?,
                Received::Nothing => return Ok(true),
                Received::End => return Ok(false),
            }
            if monotonic_now() >= until {
                return Ok(true);
            }
        }
    }

    fn handle(&mut self, request: Request) -> io::Result<()> {
        self.header.hear(monotonic_now());
        let mut reports = Vec::new();
        match request {
            Request::Launch { run, stages } => return self.launch_in_time(run, stages),
            Request::Signal { id, pid, signals, scope } => {
                reports.push(Report::Signaled { id, result: self.family.signal(pid, &signals, scope) });
            }
            Request::Ping => reports.push(Report::Pong),
            Request::Reap { pid } => self.family.reap(pid, &mut reports)?,
            Request::SignalRun { run, signals, is_only_run, seen } => {
                if signals.contains(&Signal::KILL) {
                    self.cgroups.kill(Some(run));
                }
                let orphans = Orphans { is_only_run, seen: &seen };
                let members = self.family.signal_run(run, &signals, orphans, &mut reports);
                // How those ended that are not counted any more is told before the count, which may be the last thing that is heard.
                self.family.collect(&mut reports)?;
                reports.push(match members {
                    Ok(pids) => Report::Members { run, pids },
                    Err(error) => Report::NotCounted { run, why: error.to_string() },
                });
            }
            Request::RemoveAtEnd { folder } => self.folders.push(folder),
            Request::CountAll => {
                let result = self.family.living(&mut reports).map_err(|error| error.to_string());
                reports.push(Report::Counted { result });
            }
            Request::Lines { reply_to, request } => reports.push(self.header.handle(reply_to, request, monotonic_now())),
        }
        self.tell(reports)
    }

    fn tell(&mut self, reports: Vec<Report>) -> io::Result<()> {
        reports.into_iter().try_for_each(|report| self.link.queue(&report, Vec::new()))
    }
}
