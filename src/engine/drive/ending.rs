//! What holds up an end, and the end of everything: processes that do not die, counts that fail. On the engine's thread.

use std::time::Duration;

use rustix::process::{Resource, getrlimit};

use crate::engine::drive::actions::ActionRequest;
use crate::engine::drive::command::{LaunchRequest, What};
use crate::engine::drive::engine_loop::EngineLoop;
use crate::model::{Action, By, EventKind, ExitStatus, Language, Monotonic, Pid, ProcessState, RunId, Signal};
use crate::supervisor::Request;
use crate::sys::monotonic_now;

/// Descriptors of a child that come to us: its pidfd, three streams, two pipes of a lesson.
pub(crate) const PER_STAGE: usize = 6;
/// Descriptors that are left for looking at /proc and for a new supervisor.
const KEPT_FREE: usize = 16;

/// Whether what a launch brings can be taken in, besides what is `awaited` already: reports that come without their descriptors
/// would cost us all runs.
pub(crate) fn has_room(awaited: usize, request: &LaunchRequest) -> Result<(), String> {
    let stages = if let What::Programs { stages, .. } = &request.what { stages.len() } else { 1 };
    let wanted = stages * PER_STAGE + awaited + KEPT_FREE;
    let (Some(limit), Ok(open)) = (getrlimit(Resource::Nofile).current, open_descriptors()) else { return Ok(()) };
    if open + wanted as u64 <= limit {
        return Ok(());
    }
    Err(format!(
        "{open} of {limit} files are open, and it needs {wanted} more; end other runs, or raise the limit (ulimit -n) before"
    ))
}

/// How many descriptors this process has open. Linux says it as the size of the folder from 6.2 on.
fn open_descriptors() -> std::io::Result<u64> {
    let size = std::fs::metadata("/proc/self/fd")?.len();
    if size > 0 { Ok(size) } else { Ok(std::fs::read_dir("/proc/self/fd")?.count() as u64) }
}

/// Why a run is over although SIGKILL has not ended all of it.
pub(crate) fn stuck(left: Option<u32>) -> String {
    match left {
        Some(left) if left > 0 => format!(
            "{left} of its processes did not die from SIGKILL: they are stuck in the kernel (D) or belong to another user, and will \
             end when the kernel lets go of them"
        ),
        _ => "whether SIGKILL has ended all of its processes is not known: they could not be counted".to_owned(),
    }
}

/// What runs a lesson's body.
const fn body(language: Language) -> &'static str {
    if let Language::Python = language { "python3" } else { "the body" }
}

/// That a body says nothing.
pub(crate) fn silent(language: Language, patience: Duration) -> String {
    let body = body(language);
    let seconds = patience.as_secs();
    format!("{body} has said nothing for {seconds} s: it hangs, or the machine is very busy; end the run if it goes on")
}

/// That a body has ended before it said anything; `None` where Task Lab has ended it.
pub(crate) fn never_began(language: Language, status: Option<ExitStatus>) -> String {
    let body = body(language);
    let how = match status {
        Some(ExitStatus::Exited(code)) => format!("ended with status {code}"),
        Some(ExitStatus::Signaled { signal, .. }) => format!("was killed by {signal}"),
        Some(ExitStatus::Unknown) => "ended".to_owned(),
        None => "said nothing".to_owned(),
    };
    let advice =
        if language == Language::Python { "; look at its output, and at what `tasklab doctor` says of python3" } else { "" };
    format!("the lesson has not begun: {body} {how} before it had told anything{advice}")
}

/// That a body was ended by somebody else.
pub(crate) fn killed_from_outside(name: &str, pid: Pid, signal: Signal) -> String {
    let or = if signal == Signal::KILL { ", or the kernel for want of memory" } else { ", or it did itself" };
    format!(
        "{name} ({pid}) was killed by {signal}, which Task Lab has not sent: somebody else did{or}; what it had started is ended"
    )
}

impl EngineLoop {
    /// Ends all runs; what is left of them is counted and told.
    pub(crate) fn stop_everything(&mut self, by: By) {
        let active: Vec<usize> = (0..self.runs.len()).filter(|index| !self.runs[*index].lifecycle.is_over()).collect();
        self.stopping = Some(self.stopping.unwrap_or_default().max(active.len()));
        for index in active {
            self.act(index, &ActionRequest { action: Action::End, by, is_demo: false, at: monotonic_now() });
        }
    }

    /// Once all runs are over after [`stop_everything`](Self::stop_everything), asks for the count.
    pub(crate) fn count_when_stopped(&mut self) {
        if self.stopping.is_some() && !self.is_active() && self.retry_at.is_none() && !self.is_counting {
            self.is_counting = true;
            self.request(&Request::CountAll);
        }
    }

    /// Everything below the supervisor was counted.
    pub(crate) fn counted(&mut self, result: Result<Vec<Pid>, String>) {
        self.is_counting = false;
        let Some(runs) = self.stopping.take() else { return };
        let what = match runs {
            0 => "nothing was running".to_owned(),
            1 => "1 run was stopped".to_owned(),
            runs => format!("{runs} runs were stopped"),
        };
        self.notice(match result {
            Ok(pids) if pids.is_empty() => format!("{what}: 0 processes are left"),
            Ok(pids) => {
                let pids: Vec<String> = pids.iter().map(ToString::to_string).collect();
                match pids.as_slice() {
                    [pid] => format!("{what}: process {pid} is left"),
                    _ => format!("{what}: {} processes are left: {}", pids.len(), pids.join(", ")),
                }
            }
            Err(why) => format!("{what}; what is left could not be counted: {why}"),
        });
    }

    /// The supervisor could not look who is there.
    pub(crate) fn not_counted(&mut self, run: RunId, why: &str, now: Monotonic) {
        let Some(index) = self.find(run) else { return };
        self.runs[index].lifecycle.not_counted(now);
        if !std::mem::replace(&mut self.runs[index].was_not_counted, true) {
            let text = format!("could not count the processes of this run: {why}; it is tried again");
            self.runs[index].emit(EventKind::Notice { text }, now, &mut self.subscription);
        }
    }

    /// Names those of a run that SIGKILL has not ended.
    pub(crate) fn name_stuck(&mut self, index: usize, now: Monotonic) {
        for pid in self.runs[index].living() {
            self.name_one(index, pid, now);
        }
    }

    /// Names those that were killed one by one and are still there.
    pub(crate) fn name_unkillable(&mut self, now: Monotonic) {
        let due: Vec<(Monotonic, RunId, Pid)> = self.kills.extract_if(.., |(at, ..)| *at <= now).collect();
        for (_, run, pid) in due {
            if let Some(index) = self.find(run).filter(|index| !self.runs[*index].lifecycle.is_over()) {
                self.name_one(index, pid, now);
            }
        }
    }

    fn name_one(&mut self, index: usize, pid: Pid, now: Monotonic) {
        let Some(row) = self.runs[index].fold.process(pid).filter(|row| row.ended.is_none()) else { return };
        let name = row.name.clone();
        let text = match row.state {
            ProcessState::DiskSleep => {
                format!("{name} ({pid}) is stuck in the kernel (D): SIGKILL takes effect when its input or output returns")
            }
            state => {
                let state = state.word();
                format!("{name} ({pid}) is still there after SIGKILL, {state}: another user's, traced, or held by the kernel")
            }
        };
        self.runs[index].emit(EventKind::Notice { text }, now, &mut self.subscription);
    }
}
