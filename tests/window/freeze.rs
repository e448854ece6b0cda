//! Promise 14: the window's thread waits for nothing that may hang, watched by strace while a scenario runs and a person clicks; and a
//! frame does not cost more the longer its lists are.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use support::screen::Screen;
use support::stress::{kill, rounds, seconds};
use support::watchdog::Watchdog;
use support::{App, descendants_of, eventually, skipped};
use tasklab::ui::gallery::Gallery;
use tasklab::ui::sample;

/// A window in which a scenario runs, and the folder of what it keeps.
fn open(screen: &Screen) -> (App, tempfile::TempDir) {
    let home = tempfile::tempdir().expect("a folder");
    let window = screen.open(home.path(), &["--scenario", "zombie"]);
    eventually("the scenario runs", || descendants_of(window.pid()).len() >= 5);
    (window, home)
}

/// strace on one thread alone, until it is ended.
struct Strace(Child);

impl Strace {
    fn on(tid: i32, arguments: &[&str]) -> Option<Self> {
        let strace = Command::new("strace").args(["-qq", "-p", &tid.to_string()]).args(arguments).stderr(Stdio::null()).spawn();
        let mut strace = Self(strace.expect("strace is needed; `make test` installs it"));
        let mut has_ended = false;
        eventually("strace has attached, or may not", || {
            has_ended = strace.0.try_wait().expect("ours").is_some();
            let status = std::fs::read_to_string(format!("/proc/{tid}/status")).unwrap_or_default();
            has_ended || !status.contains("TracerPid:\t0\n")
        });
        (!has_ended).then_some(strace)
    }
}

impl Drop for Strace {
    fn drop(&mut self) {
        kill(self.0.id().cast_signed(), rustix::process::Signal::INT);
        let _ = self.0.wait();
    }
}

/// Moves about and clicks, as long as that, and everywhere at least twice.
fn use_it(screen: &Screen, length: Duration) {
    let began = Instant::now();
    let places = [(300, 568), (640, 300), (62, 138), (900, 600)];
    let mut at = 0;
    while began.elapsed() < length || at < 2 * places.len() {
        screen.click(places[at % places.len()]);
        at += 1;
    }
}

/// A busy machine may spoil a look once or twice, so there are more. A fault of the window's thread shows each time.
const LOOKS: usize = 5;

/// Covers: promise 14, F7, F66.
#[test]
fn the_windows_thread_opens_no_file_and_waits_for_no_process() {
    let _watchdog = Watchdog::after(Duration::from_mins(10));
    let screen = Screen::start();
    let (window, _home) = open(&screen);
    // Fonts and shaders, which are made once, are made by now.
    use_it(&screen, Duration::from_secs(2));
    let folder = tempfile::tempdir().expect("a folder");
    let log = folder.path().join("log");
    let watched = "trace=open,openat,openat2,creat,stat,lstat,newfstatat,statx,access,faccessat,faccessat2,readlink,readlinkat,getdents64,\
        wait4,waitid,fsync,fdatasync,flock,fallocate,rename,renameat,renameat2,unlink,unlinkat,mkdir,mkdirat,nanosleep,poll,ppoll,epoll_wait";
    let log_path = log.to_str().expect("text");
    let mut hanging = Vec::new();
    for _ in 0..LOOKS {
        let Some(strace) = Strace::on(window.pid(), &["-o", log_path, "-e", watched]) else {
            return skipped("strace may not attach here");
        };
        use_it(&screen, seconds(4, 60));
        drop(strace);
        let log = std::fs::read_to_string(&log).expect("written");
        let others = ["poll(", "ppoll(", "epoll_wait("];
        let is_poll = |line: &str| others.iter().any(|poll| line.starts_with(poll));
        assert!(log.lines().any(is_poll), "the control: the thread was watched");
        let is_call =
            |line: &&str| !["+++", "---", "strace:"].iter().any(|sign| line.starts_with(sign)) && !line.contains("resumed");
        hanging = log.lines().filter(|line| !is_poll(line)).filter(is_call).map(str::to_owned).collect();
        println!("{} system calls watched, {} that may hang", log.lines().count(), hanging.len());
        // On a busy machine something that is made once may be made only now.
        if hanging.is_empty() {
            return;
        }
    }
    panic!("the window's thread: {hanging:#?}");
}

/// Every other thread opens files as slowly as a disk that has gone to sleep; the window still draws.
///
/// Covers: promise 14, F66.
#[test]
fn the_window_draws_while_every_other_thread_waits_two_seconds_for_each_file() {
    let _watchdog = Watchdog::after(Duration::from_mins(10));
    let screen = Screen::start();
    let (window, _home) = open(&screen);
    let mut slow = Vec::new();
    for task in std::fs::read_dir(format!("/proc/{}/task", window.pid())).expect("its threads").flatten() {
        let tid: i32 = task.file_name().to_str().and_then(|name| name.parse().ok()).expect("a number");
        let name = std::fs::read_to_string(task.path().join("comm")).unwrap_or_default();
        if tid != window.pid() && ["monitor", "engine"].contains(&name.trim()) {
            let arguments = ["-o", "/dev/null", "-e", "trace=openat", "-e", "inject=openat:delay_enter=2000000"];
            let Some(strace) = Strace::on(tid, &arguments) else {
                return skipped("strace may not attach here");
            };
            slow.push(strace);
        }
    }
    assert_eq!(slow.len(), 2, "the engine's thread and the monitor's");
    let folder = tempfile::tempdir().expect("a folder");
    let log = folder.path().join("log");
    let length = seconds(4, 30);
    let mut seen = (0, 0.0);
    for _ in 0..LOOKS {
        let arguments = ["-ttt", "-o", log.to_str().expect("text"), "-e", "trace=sendmsg,writev,write,poll,ppoll"];
        let Some(drawing) = Strace::on(window.pid(), &arguments) else {
            return skipped("strace may not attach here");
        };
        use_it(&screen, length);
        drop(drawing);
        let log = std::fs::read_to_string(&log).expect("written");
        let times: Vec<f64> = log.lines().filter_map(|line| line.split(' ').next()?.parse().ok()).collect();
        let worst = times.windows(2).map(|pair| pair[1] - pair[0]).fold(0.0, f64::max);
        println!("{} calls of the window's thread in {length:?}, {worst:.3} s between two at most", times.len());
        seen = (times.len(), worst);
        // Clicks come three times a second, and a frozen thread would answer none for two seconds at least.
        if seen.0 > 50 && seen.1 < 1.9 {
            return;
        }
    }
    panic!("in no look did the window's thread draw without a pause: {seen:?}");
}

/// A frame of the size that views have in the window, drawn without a screen.
struct Drawing {
    ctx: egui::Context,
    frames: f64,
}

impl Drawing {
    fn new() -> Self {
        let ctx = egui::Context::default();
        Gallery::prepare(&ctx);
        Self { ctx, frames: 0.0 }
    }

    /// Processor time of this thread for one frame: others on the machine take none of it.
    fn frame(&mut self, mut draw: impl FnMut(&mut egui::Ui)) -> Duration {
        self.frames += 1.0;
        let screen = egui::Rect::from_min_size(egui::Pos2::ZERO, egui::vec2(1280.0, 720.0));
        let input = egui::RawInput { screen_rect: Some(screen), time: Some(self.frames / 30.0), ..egui::RawInput::default() };
        let began = thread_time();
        let output = self.ctx.run_ui(input, |ui| {
            egui::CentralPanel::default().show(ui, |ui| draw(ui));
        });
        let took = thread_time().saturating_sub(began);
        assert!(!output.shapes.is_empty());
        output.drop_without_applying_deltas();
        took
    }
}

fn thread_time() -> Duration {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(now.tv_sec.cast_unsigned(), u32::try_from(now.tv_nsec).expect("below a second"))
}

/// How often a frame of many rows costs one of few: the cheapest of each, taken in turns, so that both meet the same machine.
fn how_often(mut few: impl FnMut() -> Duration, mut many: impl FnMut() -> Duration) -> f64 {
    // The first frames lay out, and draw the letters into their atlas.
    for _ in 0..3 {
        few();
        many();
    }
    let pairs: Vec<_> = (0..rounds(12, 60)).map(|_| (few(), many())).collect();
    let cheapest_few = pairs.iter().map(|(few, _)| *few).min().expect("some");
    let cheapest_many = pairs.iter().map(|(_, many)| *many).min().expect("some");
    cheapest_many.as_secs_f64() / cheapest_few.as_secs_f64()
}

/// A frame of 100 rows may be repeated so often before one of 10,000 is over. All rows would be a hundred times as many.
const MOST_TIMES: f64 = 12.0;

/// Covers: promise 14, F67.
#[test]
fn a_frame_of_ten_thousand_rows_costs_about_what_one_of_a_hundred_does() {
    let (few, many) = (sample::snapshot(100), sample::snapshot(10_000));
    for view in Gallery::VIEWS {
        let (mut first, mut second) = (Gallery::default(), Gallery::default());
        let (mut small, mut large) = (Drawing::new(), Drawing::new());
        let times = how_often(|| small.frame(|ui| first.draw(ui, view, &few)), || large.frame(|ui| second.draw(ui, view, &many)));
        println!("{view}: a frame of 10,000 rows costs {times:.1} of 100");
        assert!(times <= MOST_TIMES, "{view}: {times:.1} times as much");
    }
    let draw_all = |drawing: &mut Drawing, snapshot: &tasklab::model::Snapshot| {
        drawing.frame(|ui| {
            egui::ScrollArea::vertical().show(ui, |ui| {
                for entry in snapshot.runs[0].log.iter() {
                    ui.label(&*entry.text);
                }
            });
        })
    };
    let (mut small, mut large) = (Drawing::new(), Drawing::new());
    let times = how_often(|| draw_all(&mut small, &few), || draw_all(&mut large, &many));
    println!("the control: a list that draws all its rows costs {times:.1} times as much");
    assert!(times > MOST_TIMES, "the control: {times:.1}");
}
