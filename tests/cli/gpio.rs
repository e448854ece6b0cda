//! The header from the command line, on the simulated board: what is driven is safe again, in whatever way Task Lab ends. The board's
//! own log of edges, a file, is the witness.

use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use support::eventually;

/// The simulated board's log.
struct Log(tempfile::TempDir);

impl Log {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("edges")
    }

    fn board(&self) -> String {
        format!("simulated:{}", self.path().display())
    }

    /// (nanoseconds, line, level) of each edge so far.
    fn edges(&self) -> Vec<(u64, u64, u64)> {
        let text = std::fs::read_to_string(self.path()).unwrap_or_default();
        let edge = |line: &str| {
            let value: Value = serde_json::from_str(line).expect("JSON");
            let number = |key: &str| value[key].as_u64().expect("a number");
            (number("t"), number("line"), number("value"))
        };
        text.lines().map(edge).collect()
    }

    /// The level that the line was left at.
    fn level(&self, line: u64) -> u64 {
        self.edges().iter().rev().find(|edge| edge.1 == line).map_or(0, |edge| edge.2)
    }
}

fn gpio(words: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tasklab")).arg("gpio").args(words).stdin(Stdio::null()).output().expect("runs")
}

/// Killed if the test fails before it has ended.
struct Driver(Child);

impl Drop for Driver {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// `gpio set`, once the line is high.
fn driver(log: &Log, pin: &str, line: u64) -> Driver {
    drive(Command::new(env!("CARGO_BIN_EXE_tasklab")), log, pin, line)
}

/// The same, as the leader of a process group.
fn driver_in_group(log: &Log, pin: &str, line: u64) -> Driver {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tasklab"));
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    drive(command, log, pin, line)
}

fn drive(mut command: Command, log: &Log, pin: &str, line: u64) -> Driver {
    command.args(["gpio", "set", "--board", &log.board(), &format!("{pin}=1")]).stdin(Stdio::null()).stdout(Stdio::null());
    let driver = Driver(command.stderr(Stdio::null()).spawn().expect("starts"));
    eventually("the line is high", || log.level(line) == 1);
    driver
}

fn kill(signal: &str, driver: &Driver) {
    Command::new("kill").args([signal, &driver.0.id().to_string()]).status().expect("kill runs");
}

/// Covers: promise 1, F69.
#[test]
fn a_line_is_low_again_after_a_sigkill() {
    let rounds = if std::env::var("TASKLAB_STRESS").is_ok_and(|value| value == "long") { 100 } else { 10 };
    let mut slowest = Duration::ZERO;
    for _ in 0..rounds {
        let log = Log::new();
        let driver = driver(&log, "GPIO17", 17);
        let killed = Instant::now();
        kill("-KILL", &driver);
        eventually("the line is low", || log.level(17) == 0);
        slowest = slowest.max(killed.elapsed());
        assert_eq!(log.edges().iter().map(|edge| edge.2).collect::<Vec<_>>(), [1, 0]);
    }
    println!("{rounds} kills with a line high, low again each time, at the latest after {slowest:?}");
}

#[test]
fn every_signal_and_the_end_of_the_time_leave_the_line_low() {
    // A shell's background job and nohup ignore some, and what is ignored stays so in the programs that we start.
    for signal in [tasklab::model::Signal::INT, tasklab::model::Signal::HUP] {
        tasklab::sys::default_signal(signal).expect("a signal");
    }
    for signal in ["-INT", "-TERM", "-HUP", "-ABRT"] {
        let log = Log::new();
        let mut driver = driver(&log, "BOARD11", 17);
        kill(signal, &driver);
        eventually(&format!("it ends by kill {signal}"), || driver.0.try_wait().expect("ours").is_some());
        eventually("the line is low", || log.level(17) == 0);
    }
    let log = Log::new();
    let output = gpio(&["set", "--board", &log.board(), "--for", "0.05", "--json", "GPIO5=1", "GPIO6=0"]);
    assert!(output.status.success(), "{output:?}");
    assert_eq!(log.edges().iter().map(|edge| (edge.1, edge.2)).collect::<Vec<_>>(), [(5, 1), (5, 0)]);
    assert_eq!(output.stdout.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).count(), 2);
}

/// The control is `a_driver_that_is_continued_in_time_keeps_its_line`.
///
/// Covers: F76.
#[test]
fn a_stopped_app_loses_its_lines() {
    let log = Log::new();
    let driver = driver(&log, "GPIO17", 17);
    kill("-STOP", &driver);
    eventually("the dead man's switch has made the line safe", || log.level(17) == 0);
    kill("-CONT", &driver);
}

/// Ctrl-Z stops the whole group, but not the supervisor.
///
/// Covers: F76.
#[test]
fn a_group_that_is_stopped_by_ctrl_z_loses_its_lines() {
    let log = Log::new();
    let driver = driver_in_group(&log, "GPIO17", 17);
    let group = rustix::process::Pid::from_raw(driver.0.id().cast_signed()).expect("a PID");
    rustix::process::kill_process_group(group, rustix::process::Signal::TSTP).expect("ours");
    eventually("the line is safe", || log.level(17) == 0);
    rustix::process::kill_process_group(group, rustix::process::Signal::CONT).expect("ours");
}

/// Starts it with its output kept.
fn start(words: &[&str]) -> Driver {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tasklab"));
    command.arg("gpio").args(words).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    Driver(command.spawn().expect("starts"))
}

/// Its status and what it has said on standard error, once it has ended.
fn end_of(mut driver: Driver) -> (Option<i32>, String) {
    eventually("it ends", || driver.0.try_wait().expect("ours").is_some());
    let mut said = String::new();
    driver.0.stderr.take().expect("kept").read_to_string(&mut said).expect("UTF-8");
    (driver.0.wait().expect("ours").code(), said)
}

fn kill_supervisor_of(driver: &Driver) {
    let supervisor = support::supervisor_below(driver.0.id().cast_signed()).expect("the supervisor");
    let supervisor = rustix::process::Pid::from_raw(supervisor).expect("a PID");
    rustix::process::kill_process(supervisor, rustix::process::Signal::KILL).expect("ours");
}

/// The successor of a supervisor that was killed has the same board and makes the lines safe; whoever drove them is told, and the
/// board's log says the same.
///
/// Covers: F69.
#[test]
fn a_supervisor_that_is_killed_leaves_its_lines_to_the_next() {
    let log = Log::new();
    let driver = start(&["set", "--board", &log.board(), "--wire", "GPIO17=GPIO27", "GPIO17=1", "GPIO6=0", "GPIO5=1"]);
    eventually("the lines are high", || log.level(5) == 1);
    kill_supervisor_of(&driver);
    let (status, said) = end_of(driver);
    assert!(status == Some(3) && said.contains("safe again: GPIO5, GPIO6, GPIO17"), "{status:?}: {said}");
    let of = |line: u64| log.edges().iter().filter(|edge| edge.1 == line).map(|edge| edge.2).collect::<Vec<_>>();
    assert_eq!((of(17), of(27), of(5), of(6)), (vec![1, 0], vec![1, 0], vec![1, 0], vec![]), "the wire's other end, too");
}

/// Each message is true at the time when it is printed.
///
/// Covers: F69.
#[test]
fn a_supervisor_that_is_killed_at_any_moment_leaves_no_line_high_that_is_called_safe() {
    for changes in (1..=40).step_by(4) {
        let log = Log::new();
        let driver = start(&["blink", "--board", &log.board(), "--every", "0.0005", "--wire", "GPIO17=GPIO27", "GPIO17"]);
        eventually("it blinks", || log.edges().len() >= changes);
        kill_supervisor_of(&driver);
        let (status, said) = end_of(driver);
        assert!(status == Some(3) && said.contains("safe again: GPIO17"), "{status:?}: {said}");
        assert_eq!((log.level(17), log.level(27)), (0, 0), "after {changes} changes");
    }
}

/// The run is over at once, and Task Lab ends with it: not before the lines are safe.
///
/// Covers: F69.
#[test]
fn a_run_whose_supervisor_is_killed_leaves_no_line_high() {
    let log = Log::new();
    let mut command = Command::new(env!("CARGO_BIN_EXE_tasklab"));
    command.args(["run", "blink", "--language", "rust", "--set", "every=0.5", "--no-script", "--board", &log.board()]);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let driver = Driver(command.spawn().expect("starts"));
    eventually("its line is high", || log.level(17) == 1);
    kill_supervisor_of(&driver);
    let (status, said) = end_of(driver);
    assert!(status == Some(1) && log.level(17) == 0, "{status:?}: {said}: {:?}", log.edges());
}

#[test]
fn who_watches_is_told_when_the_supervisor_is_killed() {
    let mut driver = start(&["watch", "--board", "simulated", "--press", "GPIO27", "GPIO27"]);
    let (mut out, mut first) = (BufReader::new(driver.0.stdout.take().expect("kept")), String::new());
    out.read_line(&mut first).expect("UTF-8");
    assert!(first.contains("GPIO27"), "it watches: {first}");
    kill_supervisor_of(&driver);
    let (status, said) = end_of(driver);
    assert!(status == Some(3) && said.contains("none is watched any more"), "{status:?}: {said}");
}

#[test]
fn a_driver_that_is_continued_in_time_keeps_its_line() {
    let log = Log::new();
    let mut driver = driver(&log, "GPIO17", 17);
    let pid = rustix::process::Pid::from_raw(driver.0.id().cast_signed()).expect("a PID");
    let mut longest = Duration::ZERO;
    for _ in 0..20 {
        let stopped = Instant::now();
        for signal in [rustix::process::Signal::STOP, rustix::process::Signal::CONT] {
            rustix::process::kill_process(pid, signal).expect("ours");
        }
        longest = longest.max(stopped.elapsed());
    }
    assert!(driver.0.try_wait().expect("ours").is_none(), "it drives on");
    // On a machine that keeps us from going on for so long, the line may rightly be safe.
    assert!(log.level(17) == 1 || longest > tasklab::supervisor::DEAD_MAN / 2, "{longest:?}");
}

/// Half a millisecond high, half a millisecond low: every change is in the board's log and on our output, in order.
///
/// Covers: F74.
#[test]
fn a_kilohertz_blink_loses_no_edge() {
    let log = Log::new();
    let output = gpio(&["blink", "--board", &log.board(), "--every", "0.0005", "--count", "1000", "--json", "GPIO17"]);
    assert!(output.status.success(), "{output:?}");
    let edges = log.edges();
    let levels: Vec<u64> = edges.iter().map(|edge| edge.2).collect();
    assert_eq!(levels, [1, 0].repeat(500));
    assert!(edges.is_sorted_by_key(|edge| edge.0));
    let told = String::from_utf8(output.stdout).expect("UTF-8");
    assert_eq!(told.lines().count(), 1000);
}

#[test]
fn a_wire_and_a_button_are_seen_by_a_watcher() {
    let output =
        gpio(&["watch", "--board", "simulated", "--press", "GPIO27", "--count", "2", "--pull", "up", "--json", "GPIO27"]);
    let values = |output: &Output| -> Vec<(u64, u64)> {
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
        lines.map(|value| (value["line"].as_u64().expect("a line"), value["value"].as_u64().expect("a level"))).collect()
    };
    assert_eq!(values(&output), [(27, 0), (27, 1)], "pressed against the pull-up, and let go: {output:?}");
    let words =
        ["blink", "--board", "simulated", "--wire", "GPIO17=GPIO27", "--every", "0.01", "--count", "2", "--json", "GPIO17"];
    let mut seen = values(&gpio(&words));
    seen.sort_unstable();
    assert_eq!(seen, [(17, 0), (17, 1), (27, 0), (27, 1)]);
}

#[test]
fn what_is_wrong_is_said_with_the_status_of_its_kind() {
    for (words, status, says) in [
        (vec!["get", "17"], 2, "write GPIO or BOARD in front"),
        (vec!["get", "GPIO0"], 2, "EEPROM"),
        (vec!["set", "GPIO40=1"], 2, "not on the 40-pin header"),
        (vec!["set", "BOARD1=1"], 2, "3.3 V power"),
        (vec!["set", "GPIO17"], 2, "GPIO17=1"),
        (vec!["set", "GPIO17=2"], 2, "0 or 1"),
        (vec!["get", "--board", "gpiod", "GPIO17"], 2, "chardev"),
        (vec!["get", "--board", "chardev:no-such-chip", "GPIO17"], 3, "no-such-chip"),
        (vec!["get", "--board", "simulated:/no/such/folder/edges", "GPIO17"], 3, "/no/such/folder/edges"),
    ] {
        let output = gpio(&words);
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(status), "{words:?}: {told}");
        assert!(told.contains(says), "{words:?}: {told}");
    }
    let nine: Vec<String> = (2..11).map(|line| format!("GPIO{line}=1")).collect();
    let mut words = vec!["set", "--board", "simulated", "--for", "0.1"];
    words.extend(nine.iter().map(String::as_str));
    let output = gpio(&words);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.code() == Some(3) && told.contains("GPIO10") && told.contains("mA"), "{told}");
}

#[test]
fn the_list_has_forty_pins_for_people_and_for_programs() {
    let output = gpio(&["list", "--board", "simulated"]);
    assert_eq!(String::from_utf8_lossy(&output.stdout).lines().count(), 41);
    let output = gpio(&["list", "--board", "simulated", "--json"]);
    let board: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(board["pins"].as_array().map(Vec::len), Some(40));
    assert_eq!((board["pins"][10]["name"].as_str(), board["pins"][10]["level"].as_u64()), (Some("GPIO17"), Some(0)));
}

/// The same words and errors as `gpio`, before anything is launched.
#[test]
fn a_run_takes_the_board_that_is_chosen_or_none() {
    let run = |board: &str| {
        let words =
            ["run", "blink", "--language", "rust", "--set", "changes=2", "--set", "every=0.1", "--no-script", "--board", board];
        Command::new(env!("CARGO_BIN_EXE_tasklab")).args(words).stdin(Stdio::null()).output().expect("runs")
    };
    let log = Log::new();
    assert!(run(&log.board()).status.success());
    assert_eq!(log.edges().iter().filter(|edge| edge.1 == 17).map(|edge| edge.2).collect::<Vec<_>>(), [1, 0]);
    for (board, status) in [("gpiod", 2), ("chardev:no-such-chip", 3), ("simulated:/no/such/folder/edges", 3)] {
        let (ran, asked) = (run(board), gpio(&["get", "--board", board, "GPIO17"]));
        assert_eq!((ran.status.code(), asked.status.code()), (Some(status), Some(status)), "{board}");
        assert_eq!(ran.stderr, asked.stderr, "{board}");
        assert!(ran.stdout.is_empty(), "{board}: nothing was launched");
    }
}

/// The file for a waveform viewer has each change of each line with its time, in order.
#[test]
fn the_edges_of_a_run_are_written_whole_in_both_forms() {
    let folder = tempfile::tempdir().expect("a folder");
    let place = |name: &str| folder.path().join(name).display().to_string();
    let (vcd, csv) = (place("run.vcd"), place("run.csv"));
    let words = [
        "run",
        "blink",
        "--language",
        "rust",
        "--set",
        "changes=6",
        "--set",
        "every=0.1",
        "--no-script",
        "--vcd",
        &vcd,
        "--csv",
        &csv,
        "--json",
    ];
    let output = Command::new(env!("CARGO_BIN_EXE_tasklab")).args(words).stdin(Stdio::null()).output().expect("runs");
    assert!(output.status.success(), "{output:?}");
    let told: Vec<(u64, u64)> = String::from_utf8(output.stdout)
        .expect("UTF-8")
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).expect("JSON"))
        .filter(|event| event["kind"] == "gpio")
        .map(|event| (event["t"].as_u64().expect("a time"), event["value"].as_u64().expect("a level")))
        .collect();
    assert_eq!(told.iter().map(|edge| edge.1).collect::<Vec<_>>(), [1, 0, 1, 0, 1, 0]);
    let dump = std::fs::read_to_string(&vcd).expect("there");
    let (_, changes) = dump.rsplit_once("$end\n#").expect("changes after the first levels");
    let changes: Vec<(u64, u64)> = changes
        .split('#')
        .filter_map(|change| {
            let (t, level) = change.trim_end().split_once('\n')?;
            Some((t.parse().expect("a time"), level.strip_suffix('2').expect("GPIO17's code").parse().expect("a level")))
        })
        .collect();
    assert_eq!(changes, told);
    let table = std::fs::read_to_string(&csv).expect("there");
    let rows: Vec<u64> =
        table.lines().skip(1).map(|row| row.rsplit(',').next().expect("a level").parse().expect("0 or 1")).collect();
    assert_eq!(rows, [1, 0, 1, 0, 1, 0]);
    let left: Vec<_> = std::fs::read_dir(folder.path()).expect("there").flatten().map(|entry| entry.file_name()).collect();
    assert_eq!(left.len(), 2, "no half of a file: {left:?}");
}

#[test]
fn a_watch_writes_its_edges_to_a_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let vcd = folder.path().join("watch.vcd").display().to_string();
    let words = ["watch", "--board", "simulated", "--press", "GPIO27", "--count", "2", "--pull", "up", "--vcd", &vcd, "GPIO27"];
    assert!(gpio(&words).status.success());
    let dump = std::fs::read_to_string(&vcd).expect("there");
    assert!(dump.contains("$var wire 1 < GPIO27 $end") && dump.contains("$dumpvars\n1<\n$end"), "{dump}");
    let output = gpio(&["watch", "--board", "simulated", "--for", "0.1", "--vcd", "/no/such/folder/x.vcd", "GPIO27"]);
    assert_eq!(output.status.code(), Some(3), "before anything is watched");
}

/// A request that changes nothing was not answered.
#[test]
fn a_pin_that_is_named_twice_is_refused_at_once_by_whatever_names() {
    let log = Log::new();
    let board = log.board();
    for pins in [
        &["set", "GPIO17=1", "GPIO17=0"][..],
        &["set", "GPIO17=1", "GPIO5=1", "BOARD11=1"],
        &["toggle", "GPIO17", "gpio17"],
        &["toggle", "BOARD11", "GPIO17"],
        &["blink", "--count", "2", "GPIO17", "BOARD11"],
    ] {
        let (status, said) = end_of(start(&[&pins[..1], &["--board", &board], &pins[1..]].concat()));
        assert!(status == Some(2) && said.contains("GPIO17 (BOARD11) is named twice"), "{pins:?}: {status:?}: {said}");
    }
    assert!(!log.path().exists(), "nothing was begun");
    for verb in ["set", "toggle", "blink"] {
        assert!(String::from_utf8_lossy(&gpio(&[verb, "--help"]).stdout).contains("once"), "{verb}: the help says so");
    }
    // A command that only reads may name a line twice.
    let output = gpio(&["get", "--board", "simulated", "GPIO17", "BOARD11"]);
    assert_eq!(String::from_utf8_lossy(&output.stdout), "GPIO17 0\nGPIO17 0\n");
    assert!(gpio(&["watch", "--board", "simulated", "--for", "0", "GPIO17", "BOARD11"]).status.success());
}

#[test]
fn a_watch_tells_as_many_changes_as_are_wanted_and_no_more() {
    let folder = tempfile::tempdir().expect("a folder");
    let csv = folder.path().join("watch.csv").display().to_string();
    for count in 0..=4 {
        let words = ["watch", "--board", "simulated", "--pull", "up", "--csv", &csv, "--count", &count.to_string()];
        let press = ["--press", "GPIO27", "--press", "BOARD13", "GPIO27"];
        let output = gpio(&[&words[..], &press].concat());
        assert!(output.status.success(), "{output:?}");
        assert_eq!(String::from_utf8_lossy(&output.stdout).lines().count(), count);
        assert_eq!(std::fs::read_to_string(&csv).expect("there").lines().count(), 1 + count, "the file has as many");
    }
}

/// As the kernel does it: a press that is far shorter is none. The control is the same without debouncing.
#[test]
fn what_lasts_less_than_the_debouncing_is_not_told() {
    for (debounce, expected) in [("0", 2), ("20", 0)] {
        let words = ["watch", "--board", "simulated", "--debounce", debounce, "--press", "GPIO27", "--for", "0.1", "GPIO27"];
        let output = gpio(&words);
        assert!(output.status.success(), "{output:?}");
        assert_eq!(String::from_utf8_lossy(&output.stdout).lines().count(), expected, "{debounce} s");
    }
}

/// A FIFO without a reader kept everybody waiting who opened it, and no signal ended that.
#[test]
fn a_board_file_that_is_no_regular_file_is_refused_at_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let place = |name: &str| folder.path().join(name);
    assert!(Command::new("mkfifo").arg(place("fifo")).status().expect("mkfifo").success());
    let _socket = std::os::unix::net::UnixListener::bind(place("socket")).expect("a socket");
    std::os::unix::fs::symlink(place("fifo"), place("link")).expect("a link");
    let files = [
        (place("fifo"), "FIFO"),
        (place("link"), "FIFO"),
        (place("socket"), "socket"),
        (place("."), "folder"),
        ("/dev/null".into(), "device"),
    ];
    for (file, kind) in files {
        let board = format!("simulated:{}", file.display());
        for words in [
            &["gpio", "list"][..],
            &["gpio", "get", "GPIO17"],
            &["gpio", "set", "GPIO17=1"],
            &["gpio", "watch", "GPIO17"],
            &["run", "blink", "--language", "rust", "--no-script"],
        ] {
            let mut command = Command::new(env!("CARGO_BIN_EXE_tasklab"));
            command.args(words).args(["--board", &board]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
            let (status, said) = end_of(Driver(command.spawn().expect("starts")));
            assert!(
                status == Some(3) && said.contains(kind) && said.contains(&file.display().to_string()),
                "{words:?}: {status:?}: {said}"
            );
        }
    }
}
