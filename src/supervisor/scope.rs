//! Limits where no control group is delegated to us: a transient scope of the user's systemd (org.freedesktop.systemd1(5)). It is asked
//! to take children in that are held before they execute their programs: so what is executed, with which words, in which environment,
//! and what comes of it, is as without limits. busctl(1) asks, which every systemd has; the supervisor needs no D-Bus library.

use std::path::PathBuf;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::cgroup::{holds, no_controller, wanted};
use super::prepare::prepare;
use crate::model::{ChildSpec, ExitStatus, Group, GroupLimits, Input, Monotonic, OutputTo, Pid, Signal};
use crate::sys::{
    Changed, Neighbours, SignalScope, WhatEnded, cgroup_of, lacks_controller, monotonic_now, spawn, user_manager_cgroup,
    user_systemd, wait_pidfd,
};

/// How long systemd may take, much less than what the app allows its supervisor for an answer; and how long busctl may take to die.
const PATIENCE: Duration = Duration::from_secs(2);
const DYING: Duration = Duration::from_millis(500);
/// Between two looks whether it has moved the children: its answer comes before it has done so.
const LOOK: Duration = Duration::from_millis(1);
/// The longest answer that is read.
const LONGEST: usize = 1024;

/// How the user's systemd is asked.
#[derive(Debug)]
pub(super) struct Scopes {
    busctl: PathBuf,
}

impl Scopes {
    /// Whether there can be a scope with these limits; if not, why. `why` there is no group of our own.
    pub(super) fn find(limits: GroupLimits, why: &str) -> Result<Self, String> {
        let busctl = user_systemd().map_err(|no| {
            format!(
                "its memory and CPU cannot be limited: {why}, and {no}; start Task Lab by systemd-run --user --scope -p Delegate=yes \
                 tasklab"
            )
        })?;
        if let Some(manager) = user_manager_cgroup()
            && let Some(name) = wanted(limits).into_iter().find(|name| lacks_controller(&manager, name))
        {
            return Err(format!("its memory and CPU cannot be limited: {why}, and {}", no_controller(name, &manager)));
        }
        Ok(Self { busctl })
    }

    /// Has these processes taken into a new scope with these limits, and returns its group once they are there and the limits hold.
    pub(super) fn take_in(&self, name: &str, pids: &[Pid], limits: GroupLimits) -> Result<PathBuf, String> {
        let deadline = monotonic_now() + PATIENCE;
        let failed = |why: &str| format!("its memory and CPU cannot be limited: systemd has made no scope for it: {why}");
        self.ask(words(name, pids, limits), deadline).map_err(|why| failed(&why))?;
        loop {
            let groups: Vec<PathBuf> = pids.iter().filter_map(|pid| cgroup_of(&pid.to_string())).collect();
            if groups.len() < pids.len() {
                return Err(failed("no control groups of version 2 are mounted, or a process has ended"));
            }
            if groups.iter().all(|group| group.ends_with(name)) {
                let group = groups.into_iter().next().unwrap_or_default();
                return holds(&group, limits).map(|()| group).map_err(|why| failed(&why));
            }
            if monotonic_now() >= deadline {
                return Err(failed("its processes were not moved into it"));
            }
            std::thread::sleep(LOOK);
        }
    }

    /// Calls the method and waits for the answer.
    fn ask(&self, words: Vec<String>, deadline: Monotonic) -> Result<(), String> {
        let spec = ChildSpec {
            executable: Some(self.busctl.clone()),
            stdin: Input::Null,
            stdout: OutputTo::Null,
            stderr: OutputTo::Pipe,
            group: Group::Own,
            ..ChildSpec::new(["busctl".to_owned()].into_iter().chain(words))
        };
        let (prepared, ours) = prepare(&spec, Neighbours::default(), None).map_err(|error| error.to_string())?;
        let spawned = spawn(&prepared).map_err(|error| error.to_string())?;
        drop(prepared);
        let ends_within = |time: Duration| {
            let time = Timespec { tv_sec: time.as_secs() as i64, tv_nsec: i64::from(time.subsec_nanos()) };
            rustix::io::retry_on_intr(|| poll(&mut [PollFd::new(&spawned.pidfd, PollFlags::IN)], Some(&time))) == Ok(1)
        };
        let has_ended = ends_within(deadline.since(monotonic_now()));
        if !has_ended {
            let _ = spawned.pidfd.signal(Signal::KILL, SignalScope::Process);
            ends_within(DYING);
        }
        let ended = wait_pidfd(&spawned.pidfd, WhatEnded::Reap).map_err(|error| error.to_string())?;
        if !has_ended {
            return Err(format!("it did not answer within {} s", PATIENCE.as_secs()));
        }
        if ended.is_some_and(|waited| waited.changed == Changed::Ended(ExitStatus::Exited(0))) {
            return Ok(());
        }
        let mut answer = [0; LONGEST];
        let count = ours.stderr.and_then(|pipe| rustix::io::read(&pipe, &mut answer).ok()).unwrap_or_default();
        Err(String::from_utf8_lossy(&answer[..count]).trim().replace('\n', " "))
    }
}

/// The call: `StartTransientUnit(name, mode, properties, aux)`, as busctl wants a signature and its values.
fn words(name: &str, pids: &[Pid], limits: GroupLimits) -> Vec<String> {
    const CALL: [&str; 8] = [
        "--user",
        "--quiet",
        "call",
        "org.freedesktop.systemd1",
        "/org/freedesktop/systemd1",
        "org.freedesktop.systemd1.Manager",
        "StartTransientUnit",
        "ssa(sv)a(sa(sv))",
    ];
    let mut properties = vec![
        [vec!["PIDs".to_owned(), "au".to_owned(), pids.len().to_string()], pids.iter().map(ToString::to_string).collect()]
            .concat(),
        ["Description", "s", "a run of Task Lab"].map(str::to_owned).to_vec(),
        ["CollectMode", "s", "inactive-or-failed"].map(str::to_owned).to_vec(),
    ];
    if let Some(bytes) = limits.memory {
        properties.push(vec!["MemoryMax".to_owned(), "t".to_owned(), bytes.to_string()]);
        properties.push(["MemorySwapMax", "t", "0"].map(str::to_owned).to_vec());
    }
    if let Some(percent) = limits.cpu_percent {
        // In microseconds a second.
        properties.push(vec!["CPUQuotaPerSecUSec".to_owned(), "t".to_owned(), (u64::from(percent) * 10_000).to_string()]);
    }
    let mut words: Vec<String> = CALL.iter().map(ToString::to_string).collect();
    words.extend([name.to_owned(), "fail".to_owned(), properties.len().to_string()]);
    words.extend(properties.into_iter().flatten());
    words.push("0".to_owned());
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_call_is_what_busctl_wants() {
        let limits = GroupLimits { memory: Some(1 << 20), cpu_percent: Some(50) };
        let words = words("x.scope", &[Pid::new(7), Pid::new(8)], limits).join(" ");
        let call = "StartTransientUnit ssa(sv)a(sa(sv)) x.scope fail 6 PIDs au 2 7 8 Description s a run of Task Lab CollectMode s \
                    inactive-or-failed MemoryMax t 1048576 MemorySwapMax t 0 CPUQuotaPerSecUSec t 500000 0";
        assert!(words.ends_with(call), "{words}");
    }
}
