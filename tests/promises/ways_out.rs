//! Promise 7: every way out of the program leaves nothing: signals, a panic, an abort. Those of the window are
//! tested beside it.

use std::process::{Command, Stdio};
use std::time::Duration;

use support::stress::{kill, rounds};
use support::watchdog::Watchdog;
use support::{App, STUBBORN, descendants_of, eventually, tagged};

const TASKLAB: &str = env!("CARGO_BIN_EXE_tasklab");
/// The number of its processes with the tag: the program, its supervisor, the shells and their sleepers.
const WHOLE: usize = 6;

fn start(mut command: Command) -> App {
    App::start(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()))
}

fn exec_stubborn() -> Command {
    let mut command = Command::new(TASKLAB);
    command.args(["exec", "--stdin", "null", "--grace", "0.3", "--", "sh", "-c", STUBBORN]);
    command
}

/// Covers: promise 7, F50, F54.
#[test]
fn signals_of_every_kind_leave_nothing() {
    use rustix::process::Signal as S;
    let _watchdog = Watchdog::after(Duration::from_mins(30));
    let ways = [
        (S::INT, "INT"),
        (S::TERM, "TERM"),
        (S::HUP, "HUP"),
        (S::QUIT, "QUIT"),
        (S::ABORT, "abort"),
        (S::ILL, "ILL"),
        (S::KILL, "KILL"),
    ];
    for (signal, name) in ways {
        for round in 0..rounds(3, 50) {
            let mut app = start(exec_stubborn());
            eventually("the tree stands", || app.all().len() >= WHOLE);
            kill(app.pid(), signal);
            // Impatience is no way around the clean-up.
            if round % 3 == 1 {
                kill(app.pid(), signal);
            }
            app.leaves_nothing(name);
        }
    }
}

/// Ctrl-C in a terminal goes to the whole foreground group: the app, and its supervisor, which leaves the acting to the app.
///
/// Covers: promise 7, F54, facts 11, 54.
#[test]
fn ctrl_c_for_the_whole_group_leaves_nothing() {
    use std::os::unix::process::CommandExt;
    for _ in 0..rounds(3, 50) {
        let mut command = exec_stubborn();
        command.process_group(0);
        let mut app = start(command);
        eventually("the tree stands", || app.all().len() >= WHOLE);
        let group = rustix::process::Pid::from_raw(app.pid()).expect("a PID");
        rustix::process::kill_process_group(group, rustix::process::Signal::INT).expect("sent");
        app.leaves_nothing("Ctrl-C");
    }
}

/// Both at the same moment: nobody is left who could clean up, but each child of the supervisor's has its death signal.
///
/// Covers: F51, F52, F53.
#[test]
fn app_and_supervisor_killed_together_take_the_children_along() {
    for _ in 0..rounds(5, 50) {
        let mut command = Command::new(TASKLAB);
        command.args(["exec", "--stdin", "null", "--", "sh", "-c", "trap '' TERM HUP; while :; do sleep 0.2; done"]);
        let mut app = start(command);
        let is_supervisor =
            |pid: &i32| std::fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|comm| comm.trim() == "tasklab-super");
        // Between fork and exec the child bears the same name.
        eventually("the child runs", || {
            app.all().len() >= 3 && descendants_of(app.pid()).iter().filter(|pid| is_supervisor(pid)).count() == 1
        });
        let supervisor = descendants_of(app.pid()).into_iter().find(is_supervisor).expect("seen just now");
        for pid in [app.pid(), supervisor] {
            kill(pid, rustix::process::Signal::STOP);
        }
        for pid in [app.pid(), supervisor] {
            kill(pid, rustix::process::Signal::KILL);
        }
        app.leaves_nothing("both killed");
    }
}

const PANICS: &str = "TASKLAB_TEST_PANICS";

/// The engine's owner panics, or aborts, while a run goes on: in a process of its own.
///
/// Covers: promise 7, F26, F50.
#[test]
fn a_panic_and_an_abort_with_a_run_leave_nothing() {
    if let Some(how) = std::env::var_os(PANICS) {
        let engine = support::runs::engine(None);
        let run = support::runs::programs(vec![support::runs::sh(STUBBORN)]);
        engine.handle().send(tasklab::engine::Command::Launch(Box::new(run))).expect("taken");
        let tag = format!("TASKLAB_TEST={}", std::env::var("TASKLAB_TEST").expect("set by the one outside"));
        eventually("the tree stands", || tagged(&tag).len() >= WHOLE);
        if how == "abort" {
            std::process::abort();
        }
        panic!("as asked");
    }
    for how in ["panic", "abort"] {
        for _ in 0..rounds(3, 50) {
            let mut command = Command::new(std::env::current_exe().expect("this program"));
            command.args(["ways_out::a_panic_and_an_abort_with_a_run_leave_nothing", "--exact"]).env(PANICS, how);
            let mut app = start(command);
            app.leaves_nothing(how);
            assert!(!app.process.wait().expect("ended").success(), "the control: it did {how}");
        }
    }
}
