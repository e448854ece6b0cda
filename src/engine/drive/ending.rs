//! What holds up an end, and the end of everything: processes that do not die, counts that fail. On the engine's thread.

use crate::engine::drive::engine_loop::EngineLoop;
use crate::engine::run::requests::ActionRequest;
use crate::model::{Action, EventKind, Monotonic, Pid, ProcessState, RunId};
use crate::supervisor::Request;
use crate::sys::monotonic_now;

impl EngineLoop {
    /// Ends all runs; what is left of them is counted and told.
    pub(crate) fn stop_everything(&mut self, by: &str) {
        let active: Vec<usize> = (0..self.runs.len()).filter(|index| !self.runs[*index].lifecycle.is_over()).collect();
        self.stopping = Some(self.stopping.unwrap_or_default().max(active.len()));
        for index in active {
            let (by, at) = (by.to_owned(), monotonic_now());
            self.act(index, &ActionRequest { action: Action::End, target: String::new(), by, is_demo: false, at });
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
