//! PID namespaces of a test's own, in which PIDs can be made to come back.

use std::process::{Child, Command, Stdio};

use super::skipped;

const INSIDE: &str = "TASKLAB_TEST_INSIDE";

/// True inside a PID namespace with few PIDs. Outside, runs this same test, named with its module, once more inside of one, fails if
/// it fails there or does not run, and says false.
#[track_caller]
pub fn is_inside(test: &str) -> bool {
    if let Some(sign) = std::env::var_os(INSIDE) {
        std::fs::write(sign, test).expect("written");
        // Where it is refused, occupying a number takes longer, that is all.
        let _ = std::fs::write("/proc/sys/kernel/pid_max", "1000");
        return true;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let sign = folder.path().join("has-run");
    let unshare = |command: &[&std::ffi::OsStr]| {
        let mut unshare = Command::new("unshare");
        unshare
            .args(["-Upf", "--kill-child", "--mount-proc", "--map-root-user"])
            .args(command)
            .stdin(Stdio::null())
            .env(INSIDE, &sign);
        unshare
    };
    match unshare(&["true".as_ref()]).output() {
        Ok(output) if output.status.success() => {}
        Ok(output) => {
            skipped(format!("no user namespaces here: {}", String::from_utf8_lossy(&output.stderr)));
            return false;
        }
        Err(error) => panic!("could not run unshare (util-linux): {error}"),
    }
    let program = std::env::current_exe().expect("this program");
    let status = unshare(&[program.as_os_str(), test.as_ref(), "--exact".as_ref(), "--nocapture".as_ref()]).status();
    assert!(status.expect("unshare runs").success(), "{test} failed inside the PID namespace");
    assert!(sign.exists(), "there is no test {test}");
    false
}

/// A sleeper that has this PID, which must be free. `None` if the kernel does not give it away.
pub fn occupy(pid: i32) -> Option<Child> {
    for _ in 0..5_000 {
        // The next one, where the kernel lets itself be told (CONFIG_CHECKPOINT_RESTORE); else all are gone through.
        let _ = std::fs::write("/proc/sys/kernel/ns_last_pid", (pid - 1).to_string());
        let mut sleeper = Command::new("sleep").arg("600").stdin(Stdio::null()).spawn().expect("sleep starts");
        if sleeper.id().cast_signed() == pid {
            return Some(sleeper);
        }
        let _ = sleeper.kill();
        let _ = sleeper.wait();
    }
    None
}
