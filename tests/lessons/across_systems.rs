//! The pool whose workers run on other machines, against a real `sshd` on loopback. It runs as whoever runs the test, in a user
//! namespace where /etc/passwd has one user with a shell and a home in a temporary folder, so that nobody's own files, keys
//! and login shell (which may be nologin) take part. Where that cannot be had, a stand-in for ssh starts the workers, and says so.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use support::{eventually, skipped, tagged};
use tempfile::TempDir;

const SSHD: &str = "/usr/sbin/sshd";

/// Another machine, as far as ssh can tell. Dropping it ends it, and every worker in it is gone by then.
struct Far {
    folder: TempDir,
    daemon: Option<Child>,
    /// Marks in its environment whatever was started there.
    tag: String,
}

impl Drop for Far {
    fn drop(&mut self) {
        if let Some(daemon) = &mut self.daemon {
            let _ = daemon.kill();
            let _ = daemon.wait();
        }
    }
}

impl Far {
    fn start(name: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let tag = format!("TASKLAB_FAR={name}-{}", std::process::id());
        let daemon = sshd(folder.path(), &tag).inspect_err(|why| skipped(format!("a real sshd: {why}"))).ok();
        if daemon.is_none() {
            stand_in(folder.path(), &tag);
        }
        Self { folder, daemon, tag }
    }

    /// `tasklab run across-systems` with the far machine in reach as `far`.
    fn run(&self, language: &str, settings: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tasklab"));
        command.args(["run", "across-systems", "--json", "--timeout", "900", "--language", language]);
        for setting in settings {
            command.args(["--set", setting]);
        }
        let path = std::env::var("PATH").expect("a PATH");
        command.env("PATH", format!("{}:{path}", self.folder.path().display()));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::inherit());
        command
    }

    fn workers(&self) -> Vec<i32> {
        tagged(&self.tag)
    }
}

/// A daemon with its own port, host key, configuration, and a user with a key.
fn sshd(folder: &Path, tag: &str) -> Result<Child, String> {
    if !Path::new(SSHD).exists() {
        return Err(format!("there is no {SSHD}; it comes with the package openssh-server"));
    }
    let shown = folder.display();
    for key in ["host", "user"] {
        let path = folder.join(key);
        let made = Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(path).status();
        made.ok().filter(std::process::ExitStatus::success).ok_or("ssh-keygen made no key")?;
    }
    let home = folder.join("home");
    fs::create_dir(&home).map_err(|error| error.to_string())?;
    let write = |name: &str, text: String| fs::write(folder.join(name), text).map_err(|error| error.to_string());
    write("passwd", format!("maker:x:1234:1234::{}:/bin/sh\n", home.display()))?;
    let host_key = fs::read_to_string(folder.join("host.pub")).map_err(|error| error.to_string())?;
    let port =
        TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).map_err(|error| error.to_string())?.port();
    write("known_hosts", format!("[127.0.0.1]:{port} {host_key}"))?;
    write(
        "sshd.conf",
        format!(
            "ListenAddress 127.0.0.1\nPort {port}\nHostKey {shown}/host\nAuthorizedKeysFile {shown}/user.pub\nSetEnv {tag}\n\
             UsePAM no\nStrictModes no\nPidFile none\nPasswordAuthentication no\nPermitUserRC no\nMaxStartups 100\n"
        ),
    )?;
    write(
        "ssh.conf",
        format!(
            "Host far\nHostName 127.0.0.1\nPort {port}\nUser maker\nIdentityFile {shown}/user\nIdentitiesOnly yes\nIdentityAgent none\n\
             UserKnownHostsFile {shown}/known_hosts\nGlobalKnownHostsFile none\nStrictHostKeyChecking yes\n"
        ),
    )?;
    // As an ordinary user, sshd can serve that user only: the one of the namespace. It needs no privilege for that.
    let inside = format!(
        "mount --bind {shown}/passwd /etc/passwd && exec setpriv --ambient-caps=-all --inh-caps=-all {SSHD} -D -e -f {shown}/sshd.conf"
    );
    let log = fs::File::create(folder.join("sshd.log")).map_err(|error| error.to_string())?;
    let mut daemon = Command::new("unshare")
        .args(["--user", "--map-user=1234", "--map-group=1234", "--keep-caps", "--mount", "sh", "-c", &inside])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .map_err(|error| format!("no unshare: {error}"))?;
    let path = std::env::var_os("PATH").unwrap_or_default();
    let real =
        std::env::split_paths(&path).map(|folder| folder.join("ssh")).find(|file| file.is_file()).ok_or("there is no ssh")?;
    ssh(folder, &format!("exec '{}' -F '{shown}/ssh.conf' \"$@\"", real.display()));
    let log = || fs::read_to_string(folder.join("sshd.log")).unwrap_or_default();
    eventually("sshd listens, or has ended", || {
        TcpStream::connect(("127.0.0.1", port)).is_ok() || daemon.try_wait().expect("ours").is_some()
    });
    if let Some(status) = daemon.try_wait().expect("ours") {
        return Err(format!("sshd could not start here ({status}): {}", log()));
    }
    Ok(daemon)
}

/// The substitute for ssh: it ignores its options and starts the command in a session of its own.
fn stand_in(folder: &Path, tag: &str) {
    let passes_options = "while [ \"$1\" != -- ]; do shift; done; shift 2";
    ssh(folder, &format!("{passes_options}\nexec env {tag} setsid --wait sh -c \"$*\""));
}

/// Puts a script in the place of ssh.
fn ssh(folder: &Path, script: &str) {
    let path = folder.join("ssh");
    fs::write(&path, format!("#!/bin/sh\n{script}\n")).expect("written");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("executable");
}

fn events(output: &[u8]) -> Vec<Value> {
    String::from_utf8_lossy(output).lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

fn fact<'e>(events: &'e [Value], id: &str) -> &'e Value {
    let found = events.iter().find(|event| event["kind"] == "fact" && event["id"] == id);
    found.unwrap_or_else(|| panic!("no fact {id}: {events:#?}"))
}

/// Both workers are far, one is lost on the way, and the other does it all. Nothing stays there.
#[test]
fn far_workers_do_the_work_and_leave_when_it_is_done() {
    let far = Far::start("work");
    for language in ["rust", "python"] {
        let run = far.run(language, &["hosts=far far", "local=0", "tasks=8", "give_up=3"]);
        let output = { run }.output().expect("runs");
        let events = events(&output.stdout);
        assert_eq!(output.status.code(), Some(0), "{language}: {events:#?}");
        assert_eq!(fact(&events, "all-done")["observed"], 8);
        assert_eq!(fact(&events, "lost")["observed"].as_array().map(Vec::len), Some(1), "{language}");
        let started: Vec<_> = events.iter().filter(|event| event["kind"] == "process.started").collect();
        assert!(started.iter().any(|event| event["argv"][0] == "ssh"), "{language}: {started:#?}");
        assert!(!started.iter().any(|event| event["argv"][0] == "sh" && event["name"] == "worker-1"), "nobody worked here");
        eventually("nobody is left on the far machine", || far.workers().is_empty());
    }
}

/// SIGKILL to the app takes the far workers along, too: their connection ends.
#[test]
fn a_run_that_is_killed_leaves_nobody_on_the_far_machine() {
    let far = Far::start("death");
    for language in ["rust", "python"] {
        let settings = ["hosts=far far", "local=1", "tasks=32", "size=50", "losses=0", "give_up=5"];
        let mut run = far.run(language, &settings).stdout(Stdio::null()).spawn().expect("starts");
        eventually("two workers are there", || far.workers().len() >= 2);
        run.kill().and_then(|()| run.wait()).expect("ours");
        eventually("nobody is left on the far machine", || far.workers().is_empty());
    }
}

/// A far process that dies is a lost worker. The work goes on here.
#[test]
fn a_far_worker_that_dies_is_missed_and_its_work_goes_on() {
    let far = Far::start("loss");
    for language in ["rust", "python"] {
        let settings = ["hosts=far", "local=1", "tasks=32", "size=50", "losses=0", "give_up=1"];
        let run = far.run(language, &settings).spawn().expect("starts");
        let mut workers = Vec::new();
        eventually("its worker is there", || {
            workers = far.workers();
            !workers.is_empty()
        });
        // Not looked for once more: a process that is just executing its program has no environment for a moment.
        for worker in workers {
            let pid = rustix::process::Pid::from_raw(worker).expect("a PID");
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
        }
        let output = run.wait_with_output().expect("ends");
        let events = events(&output.stdout);
        assert_eq!((output.status.code(), &fact(&events, "all-done")["observed"]), (Some(0), &Value::from(32)), "{events:#?}");
    }
}
