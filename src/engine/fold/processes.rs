//! Starts, states, ends and waits of a run's processes, into the table, the lanes and the log. Part of the fold, on the engine's thread.

use crate::engine::fold::sentences;
use crate::engine::fold::state::RunFold;
use crate::engine::fold::timeline::homes::Exit;
use crate::engine::fold::timeline::seen::LISTENER;
use crate::engine::fold::tree::{Appearance, StartedProcess};
use crate::model::{ExitStatus, Monotonic, Pgid, Pid, ProcessSample, ProcessState, Severity, Sid};

/// A parent has this long to wait on its child; later the zombie is worth a sentence.
const ZOMBIE_AFTER_NANOS: u64 = 20_000_000;
/// Ends that may wait for their sentence.
const MAX_ENDINGS: usize = 4_096;

impl RunFold {
    pub(crate) fn started(&mut self, t: Monotonic, process: StartedProcess<'_>) {
        self.published.touch_processes();
        self.usage.started(process.pid);
        let started = self.processes.started(t, process);
        let StartedProcess { pid, ppid, name, argv, .. } = process;
        // Of the user's programs the name is the kernel's, if it is no other than the program's.
        let is_kernels = self.scenario.is_empty() && argv.first().is_some_and(|program| program.rsplit('/').next() == Some(name));
        self.lanes.process_started(t, pid, ppid, if is_kernels { "" } else { name }, started == Appearance::Reused);
        if is_kernels {
            self.lanes.comm_seen(Monotonic::ZERO, pid, name);
        }
        self.take_name(pid);
        if started != Appearance::Known {
            self.zombies.remove(&process.pid);
            let parent = self.processes.row(process.ppid).map(|row| sentences::process(process.ppid, Some(row)));
            let text = sentences::started(&self.who(process.pid), parent.as_deref());
            self.log.push(t, Severity::Info, &text);
        }
    }

    /// Makes sure that there is a row: a report about a process can come before that of its start.
    fn know(&mut self, t: Monotonic, pid: Pid) {
        if self.processes.row(pid).is_none() {
            let (pgid, sid) = (Pgid::new(pid.number()), Sid::new(pid.number()));
            self.started(t, StartedProcess { pid, ppid: Pid::new(0), pgid, sid, name: "", argv: &[] });
        }
    }

    pub(crate) fn process_state(&mut self, t: Monotonic, pid: Pid, state: ProcessState) {
        if matches!(state, ProcessState::Zombie | ProcessState::Dead) {
            return self.ended(t, pid, None);
        }
        self.know(t, pid);
        let is_stopped = |state| matches!(state, ProcessState::Stopped | ProcessState::TracingStop);
        let was_stopped = self.processes.row(pid).is_some_and(|row| is_stopped(row.state));
        self.changed(t, pid, state, "");
        let now_stopped = self.processes.row(pid).is_some_and(|row| is_stopped(row.state));
        if was_stopped != now_stopped {
            let text = format!("{} {}.", self.who(pid), if now_stopped { "is stopped" } else { "goes on" });
            self.log.push(t, Severity::Info, &text);
        }
    }

    fn changed(&mut self, t: Monotonic, pid: Pid, state: ProcessState, waits_for: &str) {
        if self.processes.row(pid).is_some_and(|row| row.ended.is_none()) {
            self.published.touch_processes();
            self.processes.changed(pid, state);
            self.lanes.process_changed(t, pid, state, waits_for);
        }
    }

    pub(crate) fn orphaned(&mut self, t: Monotonic, pid: Pid, ppid: Pid) {
        self.know(t, pid);
        let was_orphan = self.processes.row(pid).is_some_and(|row| row.is_orphan && row.ppid == ppid);
        self.published.touch_processes();
        self.processes.orphaned(pid, ppid);
        if !was_orphan {
            let text = sentences::orphaned(&self.who(pid), &self.who(ppid));
            self.log.push(t, Severity::Info, &text);
        }
    }

    pub(crate) fn ended(&mut self, t: Monotonic, pid: Pid, status: Option<ExitStatus>) {
        self.know(t, pid);
        let is_news = self.processes.row(pid).is_some_and(|row| row.ended.is_none());
        self.published.touch_processes();
        self.processes.ended(t, pid, status);
        let Some(row) = self.processes.row(pid) else { return };
        let status = row.status;
        if !row.is_reaped() {
            self.lanes.process_ended(t, pid, &sentences::zombie_note(status), Exit { t, status });
        }
        if let Some(stage) = self.stages.iter_mut().find(|stage| stage.0 == pid && stage.1.is_none()) {
            stage.1 = status;
        }
        if is_news {
            self.endings.push((pid, t));
            if self.endings.len() > MAX_ENDINGS {
                self.log_endings(Monotonic::from_nanos(u64::MAX));
            }
        }
    }

    pub(crate) fn reaped(&mut self, t: Monotonic, pid: Pid) {
        let Some(row) = self.processes.row(pid).filter(|row| !row.is_reaped()) else { return };
        let status = row.status;
        let was_ended = row.ended.is_some();
        let reaper = Some(row.ppid).filter(|parent| parent.number() != 0);
        self.published.touch_processes();
        self.usage.ended(pid);
        self.processes.reaped(t, pid);
        self.lanes.process_reaped(t, pid, &sentences::end_note(status), Exit { t, status }, reaper);
        let who = self.who(pid);
        let pending = self.endings.iter().position(|ending| ending.0 == pid);
        if let Some(index) = pending {
            self.endings.remove(index);
        }
        if self.zombies.remove(&pid) {
            self.log.push(t, Severity::Info, &sentences::zombie_reaped(&who, status));
        } else if pending.is_some() || !was_ended {
            self.log.push(t, Severity::Info, &sentences::ended(&who, status));
        }
    }

    pub(crate) fn sampled(&mut self, t: Monotonic, sample: &ProcessSample) {
        let pid = sample.pid;
        if self.processes.is_other(sample) {
            self.reaped(t, pid);
            let ProcessSample { ppid, pgid, sid, .. } = *sample;
            self.started(t, StartedProcess { pid, ppid, pgid, sid, name: &sample.name, argv: &[] });
        }
        let Some(row) = self.processes.row(pid).filter(|row| !row.is_reaped()) else { return };
        if row.ppid.number() != 0 && row.ppid != sample.ppid {
            self.orphaned(t, pid, sample.ppid);
        }
        self.usage.sampled(sample);
        for thread in &sample.threads {
            self.lanes.thread_seen(t, pid, thread.tid, &thread.name, thread.state);
        }
        // The first thread of a process can end before the others: then the kernel shows Z for a process that lives.
        if matches!(sample.state, ProcessState::Zombie | ProcessState::Dead) {
            if sample.threads.len() <= 1 {
                self.ended(t, pid, None);
            }
            return;
        }
        let runs = sample.threads.iter().any(|thread| thread.state == ProcessState::Running);
        let state = if runs { ProcessState::Running } else { sample.state };
        for thread in &sample.threads {
            self.lanes.thread_waits(t, pid, thread.tid, &thread.waits_for);
            self.lanes.thread_rests(t, pid, thread.tid, thread.state);
        }
        let waits_for = sample.threads.first().map_or("", |first| first.waits_for.as_str());
        self.changed(t, pid, state, waits_for);
        self.processes.sampled(sample);
        if self.lanes.has_tasks(pid) {
            self.processes.hide_thread(pid, LISTENER);
        }
        self.lanes.comm_seen(t, pid, &sample.name);
        self.renamed(t, pid);
    }

    /// The row of a process gets the name of its lane. Returns the name before, if that was another one.
    pub(super) fn take_name(&mut self, pid: Pid) -> Option<String> {
        let was = self.processes.rename(pid, self.lanes.name_of_process(pid)?)?;
        self.published.touch_processes();
        Some(was)
    }

    /// The same, with a sentence about it.
    pub(super) fn renamed(&mut self, t: Monotonic, pid: Pid) {
        if let Some(was) = self.take_name(pid).filter(|was| !was.is_empty())
            && let Some(row) = self.processes.row(pid)
        {
            self.log.push(t, Severity::Info, &sentences::renamed(pid, &was, &row.name));
        }
    }

    /// Calls processes zombies whose parents have not waited on them in time.
    pub(crate) fn log_endings(&mut self, now: Monotonic) {
        let mut waiting = std::mem::take(&mut self.endings);
        waiting.retain(|&(pid, t)| {
            let is_due = now.nanos().saturating_sub(t.nanos()) >= ZOMBIE_AFTER_NANOS;
            if let Some(row) = self.processes.row(pid).filter(|_| is_due) {
                self.log.push(t, Severity::Info, &sentences::zombie(&sentences::process(pid, Some(row)), row.status));
                if self.zombies.len() >= MAX_ENDINGS {
                    self.zombies.clear();
                }
                self.zombies.insert(pid);
            }
            !is_due
        });
        self.endings = waiting;
    }
}
