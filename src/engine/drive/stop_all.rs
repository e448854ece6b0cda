//! The end of all runs: once they are over, the supervisor counts the processes that are left. Pure.

use crate::model::Pid;

/// A request to stop all runs that is not done yet.
#[derive(Debug, Default)]
pub(super) struct StopAll {
    /// How many runs were told to end.
    runs: Option<usize>,
    is_counting: bool,
}

impl StopAll {
    /// So many runs are told to end.
    pub(super) fn begin(&mut self, runs: usize) {
        self.runs = Some(self.runs.unwrap_or_default().max(runs));
    }

    /// Whether the supervisor is to count now: once, when no run goes on.
    pub(super) fn wants_count(&mut self, is_any_active: bool) -> bool {
        self.runs.is_some() && !is_any_active && !std::mem::replace(&mut self.is_counting, true)
    }

    /// The supervisor that was to count is gone: its successor is asked again.
    pub(super) const fn supervisor_replaced(&mut self) {
        self.is_counting = false;
    }

    /// The supervisor has counted. Returns the sentence about it; `None` if nobody has stopped all runs.
    pub(super) fn counted(&mut self, result: Result<Vec<Pid>, String>) -> Option<String> {
        self.is_counting = false;
        let stopped = match self.runs.take()? {
            0 => "nothing was running".to_owned(),
            1 => "1 run was stopped".to_owned(),
            runs => format!("{runs} runs were stopped"),
        };
        Some(match result {
            Ok(pids) if pids.is_empty() => format!("{stopped}: 0 processes are left"),
            Ok(pids) => {
                let pids: Vec<String> = pids.iter().map(ToString::to_string).collect();
                match pids.as_slice() {
                    [pid] => format!("{stopped}: process {pid} is left"),
                    _ => format!("{stopped}: {} processes are left: {}", pids.len(), pids.join(", ")),
                }
            }
            Err(why) => format!("{stopped}; what is left could not be counted: {why}"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_counted_once_all_runs_are_over() {
        let mut stop_all = StopAll::default();
        assert!(!stop_all.wants_count(false), "nobody has stopped anything");
        stop_all.begin(2);
        stop_all.begin(1);
        assert!(!stop_all.wants_count(true));
        assert!(stop_all.wants_count(false) && !stop_all.wants_count(false), "once");
        stop_all.supervisor_replaced();
        assert!(stop_all.wants_count(false));
        let left = vec![Pid::new(7), Pid::new(9)];
        assert_eq!(stop_all.counted(Ok(left)).as_deref(), Some("2 runs were stopped: 2 processes are left: 7, 9"));
        assert_eq!(stop_all.counted(Ok(Vec::new())), None);
        stop_all.begin(0);
        assert_eq!(stop_all.counted(Ok(Vec::new())).as_deref(), Some("nothing was running: 0 processes are left"));
    }
}
