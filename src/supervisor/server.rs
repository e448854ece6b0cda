//! The supervisor process: one thread with one loop over the socket and SIGCHLD. It never waits for the app. When the app is gone, it
//! kills everything that it has started.

use std::ffi::OsString;
use std::io;
use std::os::fd::OwnedFd;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags};

use super::capacity::lower_process_limit;
use super::child_table::{ChildTable, UnmarkedOrphans};
use super::descendants::is_out_of_descriptors;
use super::guard::{GuardLink, fork_supervisor};
use super::header::Header;
use super::launch::Launcher;
use super::link::{Link, Received};
use super::protocol::{Report, Request};
use crate::model::Signal;
use crate::sys::{self, PacketSocket, PidFd, SignalFd, monotonic_now, own_pid, parent_pid};

/// How long requests are handled before children are reaped again.
const TURN: Duration = Duration::from_millis(5);

/// Serves the app at the other end of `socket` until it closes the socket or dies, and then leaves no process behind. It forks: this
/// process becomes the guard and does not return, and its child is the supervisor.
pub fn serve(socket: OwnedFd) -> io::Result<()> {
    // The app acts on Ctrl-C, Ctrl-\, a closed terminal and a SIGTERM to the whole group: it sends us requests. Ctrl-Z must not stop us,
    // and a log that has reached its size limit must not kill us: the lines of the header must be made safe.
    for signal in [Signal::INT, Signal::TERM, Signal::HUP, Signal::QUIT, Signal::TSTP, Signal::TTIN, Signal::TTOU, Signal::XFSZ] {
        sys::ignore_signal(signal)?;
    }
    sys::become_subreaper()?;
    // So that a guard that was stopped goes on when the app ends.
    sys::continue_when_parent_ends()?;
    if !sys::has_one_thread()? {
        return Err(io::Error::other("the supervisor has more than one thread, so it cannot fork safely"));
    }
    let app = parent_pid();
    let (socket, guard_link) = fork_supervisor(socket)?;
    sys::become_subreaper()?;
    let child_signals = SignalFd::new(&[Signal::CHLD])?;
    let _ = sys::rename_thread("tasklab-super");
    let header = Header::open(monotonic_now()).map_err(io::Error::other)?;
    lower_process_limit();
    let mut link = Link::new(PacketSocket::from(socket))?;
    let pidfd = PidFd::open(own_pid())?;
    link.queue(&Report::Ready { pid: own_pid(), proc_trouble: sys::foreign_proc() }, vec![pidfd.into()])?;
    let mut server = Server {
        link,
        guard_link,
        children: ChildTable::new(),
        header,
        launcher: Launcher::new(app),
        folders: Vec::new(),
        spare: None,
    };
    server.children.keep_reserve();
    // A panic must not leave processes behind: it goes on after all have been killed.
    let result = catch_unwind(AssertUnwindSafe(|| server.run(&child_signals)));
    server.header.make_safe(monotonic_now());
    server.launcher.cgroups.kill(None);
    server.children.kill_everything(|| server.guard_link.heartbeat());
    server.launcher.cgroups.remove();
    for folder in &server.folders {
        let _ = std::fs::remove_dir_all(folder);
    }
    match result {
        Err(panic) => resume_unwind(panic),
        Ok(result) => none_if_gone(result),
    }
}

/// It is no error if the link broke because the app has gone.
fn none_if_gone(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if matches!(error.kind(), io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset) => Ok(()),
        result => result,
    }
}

struct Server {
    link: Link,
    guard_link: GuardLink,
    children: ChildTable,
    header: Header,
    launcher: Launcher,
    /// Folders of the app that are removed at the end, in case it is killed and cannot.
    folders: Vec<OsString>,
    /// Kept open for the descriptor of a long request.
    spare: Option<OwnedFd>,
}

impl Server {
    fn run(&mut self, child_signals: &SignalFd) -> io::Result<()> {
        let board = self.header.report(None, None);
        self.tell(vec![board])?;
        loop {
            self.guard_link.heartbeat();
            self.guard_link.send(self.header.driven(None));
            // An app that asks and does not read, or a noisy line, must not make the queue grow without end.
            let is_full = self.link.is_full();
            let wanted = if self.link.has_waiting() { PollFlags::OUT } else { PollFlags::empty() };
            let wanted = if is_full { wanted } else { wanted | PollFlags::IN };
            let lines = if is_full { Vec::new() } else { self.header.fds() };
            let mut fds = vec![PollFd::new(&self.link, wanted), PollFd::new(child_signals, PollFlags::IN)];
            fds.extend(lines.iter().map(|fd| PollFd::from_borrowed_fd(*fd, PollFlags::IN)));
            let next_look = self.launcher.next_look(monotonic_now());
            let deadline = self.header.deadline().into_iter().chain(next_look).min();
            match sys::poll(&mut fds, deadline.map(|at| at.since(monotonic_now()))) {
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
                self.children.reap_ended(&mut reports)?;
                let notices = self.launcher.cgroups.collect_notices();
                reports.extend(notices.into_iter().map(|(run, text)| Report::Notice { run, text }));
            }
            self.tell(reports)?;
            for (report, fds) in self.launcher.launch_waiting(monotonic_now(), &mut self.children) {
                self.link.queue(&report, fds)?;
            }
            if socket.intersects(PollFlags::IN | PollFlags::HUP | PollFlags::ERR) {
                let is_open = self.take_requests()?;
                self.launcher.lower_oom_score();
                if !is_open {
                    return Ok(());
                }
            }
            // After the requests: if app and supervisor both slept, a request that came meanwhile still counts.
            let expired = self.header.check(monotonic_now());
            self.tell(expired.into_iter().collect())?;
            self.flush()?;
        }
    }

    /// Sends the queued reports. A long one needs a descriptor, which may be one of the reserve.
    fn flush(&mut self) -> io::Result<()> {
        match self.link.flush() {
            Err(error) if is_out_of_descriptors(&error) => {
                let link = &mut self.link;
                self.children.with_reserve(|_| link.flush())
            }
            result => result,
        }
    }

    /// Handles the requests that have come in, for a moment at most, so that children are reaped in between. `false`: the app has closed
    /// its end.
    fn take_requests(&mut self) -> io::Result<bool> {
        let until = monotonic_now() + TURN;
        loop {
            // Makes room for the descriptor of a long request, which would be lost without.
            self.spare = None;
            let received = self.link.receive::<Request>()?;
            // Any descriptor will do.
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
        self.header.app_spoke(monotonic_now());
        let mut reports = Vec::new();
        match request {
            Request::Launch { run, stages } => {
                let answer = self.launcher.launch(run, stages, &mut self.children);
                return answer.map_or(Ok(()), |(report, fds)| self.link.queue(&report, fds));
            }
            Request::Signal { id, pid, signals, scope } => {
                reports.push(Report::Signaled { id, result: self.children.signal(pid, &signals, scope) });
            }
            Request::Ping => reports.push(Report::Pong),
            Request::Reap { pid } => self.children.stop_keeping(pid, &mut reports)?,
            Request::SignalRun { run, signals, is_only_run, seen } => {
                if signals.contains(&Signal::KILL) {
                    self.launcher.cgroups.kill(Some(run));
                }
                let orphans = UnmarkedOrphans { is_only_run, seen: &seen };
                let members = self.children.signal_run(run, &signals, orphans, &mut reports);
                // Ends are reported before the count, since a run whose count is 0 is over for the app.
                self.children.reap_ended(&mut reports)?;
                reports.push(match members {
                    Ok(pids) => Report::Members { run, pids },
                    Err(error) => Report::NotCounted { run, why: error.to_string() },
                });
            }
            Request::RemoveAtEnd { folder } => self.folders.push(folder),
            Request::CountAll => {
                let result = self.children.all_living(&mut reports).map_err(|error| error.to_string());
                reports.push(Report::Counted { result });
            }
            Request::Lines { reply_to, request } => {
                self.guard_link.send(self.header.driven(Some(&request)));
                reports.push(self.header.handle(reply_to, request, monotonic_now()));
            }
        }
        self.tell(reports)
    }

    fn tell(&mut self, reports: Vec<Report>) -> io::Result<()> {
        reports.into_iter().try_for_each(|report| self.link.queue(&report, Vec::new()))
    }
}
