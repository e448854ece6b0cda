//! A control group where none is delegated to us: a transient scope of the user's systemd (org.freedesktop.systemd1(5)), which is asked
//! to take the supervisor in and to leave everything below to it. busctl(1) asks, which every systemd has, so that the supervisor needs
//! no D-Bus library; and it asks while the supervisor goes on with its work.

use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::cgroup::{no_controller, wanted};
use super::prepare::prepare;
use crate::model::{ChildSpec, Group, GroupLimits, Input, Monotonic, OutputTo, Pid, Signal};
use crate::sys::{
    Neighbours, PidFd, SignalScope, lacks_controller, monotonic_now, own_cgroup, spawn, user_manager_cgroup, user_systemd,
};

/// How long systemd may take. Only launches with limits wait for it.
const PATIENCE: Duration = Duration::from_secs(5);
/// Between two looks whether it has moved us: its answer comes before it has done so.
const LOOK: Duration = Duration::from_millis(2);
/// The longest answer that is read.
const LONGEST: usize = 1024;

/// A scope that was asked for. Dropping it gives it up.
#[derive(Debug)]
pub(super) struct AskedScope {
    name: String,
    busctl: PidFd,
    /// What busctl says of a failure.
    answer: Option<OwnedFd>,
    deadline: Monotonic,
}

impl AskedScope {
    /// Asks for one below which such limits can be set; or says why there can be none. `why` there is no group of our own.
    pub(super) fn ask(limits: GroupLimits, why: &str) -> Result<Self, String> {
        let busctl = user_systemd()
            .map_err(|no| format!("{why}, and {no}; start Task Lab by systemd-run --user --scope -p Delegate=yes tasklab"))?;
        if let Some(manager) = user_manager_cgroup()
            && let Some(name) = wanted(limits).into_iter().find(|name| lacks_controller(&manager, name))
        {
            return Err(format!("{why}, and {}", no_controller(name, &manager)));
        }
        let myself = Pid::new(std::process::id().cast_signed());
        let name = format!("tasklab-{myself}.scope");
        let spec = ChildSpec {
            executable: Some(busctl.into()),
            stdin: Input::Null,
            stdout: OutputTo::Null,
            stderr: OutputTo::Pipe,
            group: Group::Own,
            ..ChildSpec::new(words(&name, myself))
        };
        let (prepared, ours) = prepare(&spec, Neighbours::default(), None).map_err(|error| error.to_string())?;
        let spawned = spawn(&prepared).map_err(|error| format!("{why}, and busctl does not run: {error}"))?;
        Ok(Self { name, busctl: spawned.pidfd, answer: ours.stderr, deadline: monotonic_now() + PATIENCE })
    }

    /// When to look again. The end of busctl wakes the supervisor like that of any child, who reaps it as such.
    pub(super) fn next_look(&self, now: Monotonic) -> Monotonic {
        if is_readable(&self.busctl) { now + LOOK } else { self.deadline }
    }

    /// Whether we are in the scope by now, or never will be; `None` as long as that is open.
    pub(super) fn look(&self, now: Monotonic) -> Option<Result<(), String>> {
        if own_cgroup().is_some_and(|group| group.ends_with(&self.name)) {
            return Some(Ok(()));
        }
        let failed = |why: &str| Some(Err(format!("systemd has made no scope for it: {why}")));
        let has_answered = is_readable(&self.busctl);
        let said = if has_answered { self.answer.as_ref().map(said).unwrap_or_default() } else { String::new() };
        if !said.is_empty() {
            return failed(&said);
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

impl Drop for AskedScope {
    fn drop(&mut self) {
        // Refused if it has ended.
        let _ = self.busctl.signal(Signal::KILL, SignalScope::Process);
    }
}

/// Whether a descriptor can be read without waiting; of a process, whether it has ended.
fn is_readable(fd: &impl std::os::fd::AsFd) -> bool {
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    poll(&mut [PollFd::new(fd, PollFlags::IN)], Some(&now)) == Ok(1)
}

/// What a program has said that has ended, in one line.
fn said(pipe: &OwnedFd) -> String {
    let mut answer = [0; LONGEST];
    let count = if is_readable(pipe) { rustix::io::read(pipe, &mut answer).unwrap_or_default() } else { 0 };
    String::from_utf8_lossy(&answer[..count]).trim().replace('\n', " ")
}

/// The call: `StartTransientUnit(name, mode, properties, aux)`, as busctl wants a signature and its values.
fn words(name: &str, pid: Pid) -> Vec<String> {
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
        let words = words("x.scope", Pid::new(7));
        let call = "StartTransientUnit ssa(sv)a(sa(sv)) x.scope fail 4 PIDs au 1 7 Description s what Task Lab has started CollectMode \
                    s inactive-or-failed Delegate b true 0";
        assert!(words.join(" ").ends_with(call), "{words:?}");
        assert!(words.contains(&"what Task Lab has started".to_owned()), "one value is one word");
    }
}
