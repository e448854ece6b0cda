//! A control group for the case that none is delegated to us: a transient scope of the user's systemd (org.freedesktop.systemd1(5)) with
//! the supervisor in it, and delegated to it. The supervisor has busctl(1), which comes with systemd, ask for it. So it needs no D-Bus
//! library, and goes on with its work meanwhile.

use std::os::fd::OwnedFd;
use std::time::Duration;

use super::cgroup::{controllers_for, no_controller};
use super::prepare::prepare_child;
use crate::model::{ChildSpec, Group, GroupLimits, Input, Monotonic, OutputTo, Pid, Signal};
use crate::sys::{
    Neighbours, PidFd, SignalScope, find_busctl, is_readable, lacks_controller, monotonic_now, own_cgroup, own_pid, spawn,
    user_manager_cgroup,
};

/// How long systemd may take. Only launches with limits wait for it.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often we look whether systemd has moved us: it answers before it does so.
const LOOK: Duration = Duration::from_millis(2);
/// The longest answer that is read, in bytes.
const LONGEST_ANSWER: usize = 1024;

/// A request for a scope that may not be answered yet. Dropping it cancels it.
#[derive(Debug)]
pub(super) struct ScopeRequest {
    name: String,
    busctl: PidFd,
    /// The error output of busctl.
    answer: Option<OwnedFd>,
    deadline: Monotonic,
}

impl ScopeRequest {
    /// Asks for a scope below which such limits can be set, or says why there can be none. `why`: no group is delegated to us.
    pub(super) fn send(limits: GroupLimits, why: &str) -> Result<Self, String> {
        let busctl = find_busctl()
            .map_err(|no| format!("{why}, and {no}; start Task Lab by systemd-run --user --scope -p Delegate=yes tasklab"))?;
        if let Some(manager) = user_manager_cgroup()
            && let Some(name) = controllers_for(limits).into_iter().find(|name| lacks_controller(&manager, name))
        {
            return Err(format!("{why}, and {}", no_controller(name, &manager)));
        }
        let name = format!("tasklab-{}.scope", own_pid());
        let spec = ChildSpec {
            executable: Some(busctl.into()),
            stdin: Input::Null,
            stdout: OutputTo::Null,
            stderr: OutputTo::Pipe,
            group: Group::Own,
            ..ChildSpec::new(busctl_arguments(&name, own_pid()))
        };
        let (prepared, ours) = prepare_child(&spec, Neighbours::default(), None).map_err(|error| error.to_string())?;
        let spawned = spawn(&prepared).map_err(|error| format!("{why}, and busctl does not run: {error}"))?;
        Ok(Self { name, busctl: spawned.pidfd, answer: ours.stderr, deadline: monotonic_now() + PATIENCE })
    }

    /// When to call [`result`](Self::result) next. The end of busctl wakes the supervisor, which reaps it like any other child.
    pub(super) fn next_look(&self, now: Monotonic) -> Monotonic {
        if is_readable(&self.busctl, Duration::ZERO) { now + LOOK } else { self.deadline }
    }

    /// Whether we are in the scope, or why we never will be; `None`: not yet known.
    pub(super) fn result(&self, now: Monotonic) -> Option<Result<(), String>> {
        if own_cgroup().is_some_and(|group| group.ends_with(&self.name)) {
            return Some(Ok(()));
        }
        let failed = |why: &str| Some(Err(format!("systemd has made no scope for it: {why}")));
        let has_answered = is_readable(&self.busctl, Duration::ZERO);
        let error = if has_answered { self.answer.as_ref().map(error_line).unwrap_or_default() } else { String::new() };
        if !error.is_empty() {
            return failed(&error);
        }
        if now < self.deadline {
            return None;
        }
        if has_answered {
            return failed("the supervisor was not moved into it");
        }
        failed(&format!("it did not answer within {} s", PATIENCE.as_secs()))
    }
}

impl Drop for ScopeRequest {
    fn drop(&mut self) {
        // Fails if it has ended.
        let _ = self.busctl.signal(Signal::KILL, SignalScope::Process);
    }
}

/// The output of a program that has ended, in one line.
fn error_line(pipe: &OwnedFd) -> String {
    let mut answer = [0; LONGEST_ANSWER];
    let count = if is_readable(pipe, Duration::ZERO) { rustix::io::read(pipe, &mut answer).unwrap_or_default() } else { 0 };
    String::from_utf8_lossy(&answer[..count]).trim().replace('\n', " ")
}

/// The call `StartTransientUnit(name, mode, properties, aux)` as arguments of busctl: a signature and its values.
fn busctl_arguments(name: &str, pid: Pid) -> Vec<String> {
    let call = "busctl --user --quiet call org.freedesktop.systemd1 /org/freedesktop/systemd1 org.freedesktop.systemd1.Manager \
                StartTransientUnit ssa(sv)a(sa(sv))";
    let pid = pid.to_string();
    let values = [
        &[name, "fail", "4"][..],
        &["PIDs", "au", "1", &pid],
        &["Description", "s", "what Task Lab has started"],
        &["CollectMode", "s", "inactive-or-failed"],
        &["Delegate", "b", "true"],
        &["0"],
    ];
    call.split_whitespace().chain(values.into_iter().flatten().copied()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_call_is_what_busctl_wants() {
        let words = busctl_arguments("x.scope", Pid::new(7));
        let call = "StartTransientUnit ssa(sv)a(sa(sv)) x.scope fail 4 PIDs au 1 7 Description s what Task Lab has started CollectMode \
                    s inactive-or-failed Delegate b true 0";
        assert!(words.join(" ").ends_with(call), "{words:?}");
        assert!(words.contains(&"what Task Lab has started".to_owned()), "one value is one word");
    }
}
