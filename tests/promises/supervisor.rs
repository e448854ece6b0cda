//! The supervisor on real processes: what it starts, reaps and signals, and what it leaves behind (nothing).

use std::io::Read;
use std::os::fd::OwnedFd;

use support::{Supervisor, eventually, survivors};
use tasklab::model::{ChildSpec, ExitStatus, Input, OutputTo, Pid, Reaping, Refusal, Scope, Signal};
use tasklab::supervisor::{ChildPipes, Report, Request};

fn sh(script: &str) -> ChildSpec {
    ChildSpec::new(["sh", "-c", script])
}

fn quiet(spec: ChildSpec) -> ChildSpec {
    ChildSpec { stdout: OutputTo::Null, stderr: OutputTo::Null, ..spec }
}

fn read_all(fd: OwnedFd) -> Vec<u8> {
    rustix::fs::fcntl_setfl(&fd, rustix::fs::OFlags::empty()).expect("blocking again");
    let mut bytes = Vec::new();
    std::fs::File::from(fd).read_to_end(&mut bytes).expect("reads to the end");
    bytes
}

fn state_of(pid: Pid) -> Option<char> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit(')').next()?.trim_start().chars().next()
}

/// Covers: F16, facts 1, 12.
#[test]
fn exit_statuses_and_signals_are_reported_as_the_kernel_decoded_them() {
    let mut supervisor = Supervisor::start();
    for code in [0, 1, 47, 127, 255] {
        let (pid, _) = supervisor.launch_one(quiet(sh(&format!("exit {code}"))));
        assert_eq!(supervisor.exit_of(pid), ExitStatus::Exited(code));
    }
    for signal in [Signal::KILL, Signal::TERM, Signal::INT, Signal::USR1, Signal::HUP, Signal::PIPE] {
        let (pid, _) = supervisor.launch_one(quiet(sh(&format!("kill -{} $$", signal.number()))));
        assert_eq!(supervisor.exit_of(pid), ExitStatus::Signaled { signal, core_dumped: false });
    }
}

/// Covers: F8, F30, facts 15, 26, 40.
#[test]
fn children_start_with_default_signals_and_nothing_but_their_descriptors() {
    let mut supervisor = Supervisor::start();
    let (pid, pipes) = supervisor.launch_one(ChildSpec::new(["cat", "/proc/self/status"]));
    let status = String::from_utf8(read_all(pipes.stdout.expect("captured"))).expect("text");
    for mask in ["SigBlk:\t0000000000000000", "SigIgn:\t0000000000000000"] {
        assert!(status.contains(mask), "{status}");
    }
    assert_eq!(supervisor.exit_of(pid), ExitStatus::Exited(0));
    let (_, pipes) = supervisor.launch_one(ChildSpec::new(["ls", "/proc/self/fd"]));
    // 3 is ls's own, on the folder that it lists.
    assert_eq!(read_all(pipes.stdout.expect("captured")), b"0\n1\n2\n3\n");
}

/// Covers: fact 25.
#[test]
fn a_pipeline_is_connected_by_real_pipes_and_shares_a_group() {
    let mut supervisor = Supervisor::start();
    let stages = vec![sh("printf 'b\\na\\n'"), ChildSpec::new(["sort"]), ChildSpec::new(["tr", "a-z", "A-Z"])];
    let mut children = supervisor.launch(stages).expect("starts");
    let groups: Vec<_> = children.iter().map(|(child, _)| child.pgid).collect();
    assert!(groups.iter().all(|group| group.number() == children[0].0.pid.number()), "{groups:?}");
    let (last, pipes) = children.pop().expect("three stages");
    assert_eq!(read_all(pipes.stdout.expect("captured")), b"A\nB\n");
    assert_eq!(supervisor.exit_of(last.pid), ExitStatus::Exited(0));
}

/// Covers: F35, fact 15.
#[test]
fn yes_into_head_ends_by_sigpipe() {
    let mut supervisor = Supervisor::start();
    let children = supervisor.launch(vec![ChildSpec::new(["yes"]), ChildSpec::new(["head", "-1"])]).expect("starts");
    let status = supervisor.exit_of(children[0].0.pid);
    assert_eq!(status, ExitStatus::Signaled { signal: Signal::PIPE, core_dumped: false });
}

/// Covers: F32, F34, fact 17.
#[test]
fn a_launch_that_fails_names_stage_path_and_error_and_leaves_nothing() {
    let mut supervisor = Supervisor::start();
    let failing = |supervisor: &mut Supervisor, stages: Vec<ChildSpec>| supervisor.launch(stages).expect_err("must fail");
    let error = failing(&mut supervisor, vec![ChildSpec::new(["sleep", "99"]), ChildSpec::new(["/no/such/program"])]);
    assert!(error.to_string().contains("stage 2 of 2") && error.to_string().contains("/no/such/program"), "{error}");
    assert_eq!((error.stage, error.shell_code()), (1, 127));
    assert_eq!(survivors(&supervisor), Vec::<i32>::new(), "the first stage must be gone when the error arrives");
    let error = failing(&mut supervisor, vec![ChildSpec { cwd: Some("/no/such/folder".into()), ..sh("true") }]);
    assert!(error.to_string().contains("enter the folder /no/such/folder"), "{error}");
    let error = failing(&mut supervisor, vec![ChildSpec::new(["/etc/passwd"])]);
    assert!(error.shell_code() == 126 && error.to_string().contains("Permission denied"), "{error}");
    let error = failing(&mut supervisor, vec![ChildSpec { stdin: Input::File("/no/file".into()), ..sh("true") }]);
    assert!(error.to_string().contains("open /no/file"), "{error}");
    let error = failing(&mut supervisor, vec![ChildSpec::new(["no-such-program-anywhere"])]);
    assert_eq!(error.shell_code(), 127, "{error}");
    assert!(failing(&mut supervisor, Vec::new()).to_string().contains("1 to"));
}

/// Covers: F29, F30, fact 19.
#[test]
fn failed_launches_leak_no_descriptor() {
    let mut supervisor = Supervisor::start();
    let open =
        |supervisor: &Supervisor| std::fs::read_dir(format!("/proc/{}/fd", supervisor.pid())).expect("its descriptors").count();
    let (pid, _) = supervisor.launch_one(quiet(sh("exit 0")));
    supervisor.exit_of(pid);
    let before = open(&supervisor);
    for _ in 0..200 {
        let spec = ChildSpec { stdin: Input::Pipe, lesson_pipes: true, ..ChildSpec::new(["/no/such/program"]) };
        supervisor.launch(vec![spec]).expect_err("must fail");
    }
    let (pid, pipes) = supervisor.launch_one(sh("exit 0"));
    supervisor.exit_of(pid);
    drop(pipes);
    assert_eq!(open(&supervisor), before);
}

/// Covers: F12, F24, facts 4, 13, 48.
#[test]
fn a_zombie_is_kept_until_it_is_waited_on_and_cannot_be_killed() {
    let mut supervisor = Supervisor::start();
    let (pid, _pipes) = supervisor.launch_one(ChildSpec { reaping: Reaping::WhenAsked, ..sh("exit 3") });
    let (status, is_reaped) = supervisor.exited(pid);
    assert_eq!((status, is_reaped, state_of(pid)), (ExitStatus::Exited(3), false, Some('Z')));
    // Others must be reaped as ever while one is kept.
    let (other, _) = supervisor.launch_one(quiet(sh("exit 4")));
    assert_eq!(supervisor.exited(other), (ExitStatus::Exited(4), true));
    let (orphans, _) = supervisor.launch_one(quiet(sh("(exit 5) & exit 0")));
    assert_eq!(supervisor.exit_of(orphans), ExitStatus::Exited(0));
    eventually("the kept zombie is the only process left", || survivors(&supervisor) == vec![pid.number()]);
    assert_eq!(supervisor.signal(pid, &[Signal::KILL], Scope::Process), Ok(1));
    assert_eq!(state_of(pid), Some('Z'), "one cannot kill the dead");
    supervisor.request(&Request::Reap { pid });
    supervisor.wait_for("the reaping", |report| matches!(report, Report::Reaped { pid: reaped } if *reaped == pid).then_some(()));
    assert_eq!(state_of(pid), None);
}

/// Covers: F5, facts 9, 12.
#[test]
fn terminate_reaches_a_stopped_child() {
    let mut supervisor = Supervisor::start();
    let (pid, _pipes) = supervisor.launch_one(quiet(ChildSpec::new(["sleep", "99"])));
    assert_eq!(supervisor.signal(pid, &[Signal::STOP], Scope::Process), Ok(1));
    supervisor
        .wait_for("the stop", |report| matches!(report, Report::Stopped { pid: stopped, .. } if *stopped == pid).then_some(()));
    assert_eq!(state_of(pid), Some('T'));
    supervisor.signal(pid, &[Signal::TERM, Signal::CONT], Scope::Process).expect("signalled");
    assert_eq!(supervisor.exit_of(pid), ExitStatus::Signaled { signal: Signal::TERM, core_dumped: false });
}

/// Covers: F4, fact 50.
#[test]
fn group_and_tree_reach_what_the_process_alone_does_not() {
    let mut supervisor = Supervisor::start();
    for scope in [Scope::Group, Scope::Tree] {
        let (pid, _pipes) = supervisor.launch_one(quiet(sh("sleep 99 & sleep 98 & wait")));
        eventually("both sleepers run", || survivors(&supervisor).len() == 3);
        assert!(supervisor.signal(pid, &[Signal::KILL], scope).expect("signalled") >= 3);
        supervisor.exit_of(pid);
        eventually("all are gone", || survivors(&supervisor).is_empty());
    }
    // The control: the process alone leaves its children.
    let (pid, _pipes) = supervisor.launch_one(quiet(sh("sleep 99 & wait")));
    eventually("the sleeper runs", || survivors(&supervisor).len() == 2);
    supervisor.signal(pid, &[Signal::KILL], Scope::Process).expect("signalled");
    supervisor.exit_of(pid);
    assert_eq!(survivors(&supervisor).len(), 1);
}

/// Covers: promise 3, F1, F18, fact 14.
#[test]
fn a_process_that_is_not_ours_gets_no_signal() {
    let mut supervisor = Supervisor::start();
    let mut innocent = std::process::Command::new("sleep").arg("99").spawn().expect("starts");
    let pid = Pid::new(innocent.id().cast_signed());
    let refused = supervisor.signal(pid, &[Signal::KILL], Scope::Process).expect_err("must be refused");
    assert_eq!(refused, Refusal::NotOurs);
    assert!(innocent.try_wait().expect("waits").is_none(), "it must live");
    innocent.kill().and_then(|()| innocent.wait()).expect("cleans up");
}

/// Covers: F4, F65.
#[test]
fn members_of_a_run_are_found_even_when_they_leave_their_family() {
    let mut supervisor = Supervisor::start();
    let (first, _pipes) = supervisor.launch_one(quiet(sh("setsid sh -c 'setsid sleep 97 & exit' & wait; exit 0")));
    let run = supervisor.run();
    assert_eq!(supervisor.exit_of(first), ExitStatus::Exited(0));
    eventually("the sleeper is on its own", || survivors(&supervisor).len() == 1);
    let members = supervisor.signal_run(run, &[]);
    assert_eq!(members.len(), 1);
    let (other, _other_pipes) = supervisor.launch_one(quiet(ChildSpec::new(["sleep", "96"])));
    eventually("nobody of it is left", || supervisor.signal_run(run, &[Signal::KILL]).is_empty());
    assert_eq!(survivors(&supervisor), [other.number()], "the other run's sleeper does not belong");
}

/// Covers: promise 1, F4, F50.
#[test]
fn when_the_app_closes_its_end_everything_goes() {
    let mut supervisor = Supervisor::start();
    let script = "trap '' TERM HUP INT; setsid sh -c 'trap \"\" TERM; setsid sleep 95 & sleep 94' & while :; do sleep 1; done";
    let (_, _pipes) = supervisor.launch_one(quiet(sh(script)));
    let (_, _kept) = supervisor.launch_one(ChildSpec { reaping: Reaping::WhenAsked, ..quiet(sh("exit 0")) });
    eventually("the tree stands", || survivors(&supervisor).len() >= 5);
    let tag = supervisor.tag().to_owned();
    supervisor.close();
    eventually("nothing is left", || support::tagged(&tag).is_empty());
}

/// Covers: promise 2, F13, F41.
#[test]
fn two_hundred_children_at_once_lose_no_status_and_no_byte() {
    let mut supervisor = Supervisor::start();
    let mut started: Vec<(Pid, ChildPipes, i32)> = Vec::new();
    for index in 0..200 {
        let (pid, pipes) = supervisor.launch_one(sh(&format!("printf '%0{}d' 0; exit {}", index + 1, index % 256)));
        started.push((pid, pipes, index));
    }
    for (pid, pipes, index) in started {
        assert_eq!(read_all(pipes.stdout.expect("captured")).len(), index as usize + 1);
        assert_eq!(supervisor.exit_of(pid), ExitStatus::Exited(index % 256));
    }
    assert_eq!(survivors(&supervisor), Vec::<i32>::new());
}
