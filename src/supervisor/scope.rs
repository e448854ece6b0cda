//! Limits where no control group is delegated to us: a transient scope of the user's systemd. Made by systemd-run(1), which every
//! systemd has and which becomes the program itself in place: the PID stays ours, and the supervisor needs no D-Bus library.

use std::ffi::OsString;

use super::cgroup::{no_controller, wanted};
use crate::model::{ChildSpec, GroupLimits};
use crate::sys::{lacks_controller, systemd_run, user_manager_cgroup};

/// The same child in a scope with these limits, or why there can be none. `why` there is no group of our own.
pub(super) fn in_scope(spec: &ChildSpec, limits: GroupLimits, why: &str) -> Result<ChildSpec, String> {
    const FIX: &str = "systemd-run --user --scope -p Delegate=yes tasklab";
    let program = systemd_run().ok_or_else(|| {
        format!("its memory and CPU cannot be limited: {why}, and no systemd of the user's runs; start Task Lab by {FIX}")
    })?;
    if let Some(manager) = user_manager_cgroup()
        && let Some(name) = wanted(limits).into_iter().find(|name| lacks_controller(&manager, name))
    {
        return Err(format!("its memory and CPU cannot be limited: {why}, and {}", no_controller(name, &manager)));
    }
    if spec.executable.is_some() {
        return Err(format!("a scope of systemd's runs no program under another name, and {why}; start Task Lab by {FIX}"));
    }
    let mut argv: Vec<OsString> = ["systemd-run", "--user", "--scope", "--quiet", "--collect"].map(OsString::from).to_vec();
    if let Some(bytes) = limits.memory {
        argv.extend([format!("--property=MemoryMax={bytes}").into(), "--property=MemorySwapMax=0".into()]);
    }
    if let Some(percent) = limits.cpu_percent {
        argv.push(format!("--property=CPUQuota={percent}%").into());
    }
    argv.push("--".into());
    argv.extend(spec.argv.iter().cloned());
    Ok(ChildSpec { name: spec.display_name(), executable: Some(program), argv, ..spec.clone() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_group_and_scope_the_reason_is_said() {
        let limits = GroupLimits { memory: Some(1), cpu_percent: None };
        let spec = ChildSpec { executable: Some("/bin/true".into()), ..ChildSpec::new(["true"]) };
        let text = in_scope(&spec, limits, "no group").expect_err("neither here nor there");
        assert!(text.contains("no group") && text.contains("Delegate=yes"), "{text}");
    }
}
