//! When a new snapshot is worth a frame. Nothing is drawn when nothing that is seen has changed. Any thread; never waits.

use std::sync::{Arc, Mutex, PoisonError};
use std::task::Wake;
use std::time::{Duration, Instant};

use egui::{Context, ViewportId};

use crate::engine::EngineHandle;
use crate::model::{Lane, OutputView, ProcessRow, RunState, RunView, Snapshot, SystemView};
use crate::ui::look::surface;

/// The shortest time between two frames for news; and where the processor draws, which takes a large part of a core for each of them.
const FRAME: Duration = Duration::from_millis(33);
const DEAR_FRAME: Duration = Duration::from_millis(66);
/// At rest the machine's load goes on.
const AT_REST: Duration = Duration::from_secs(2);

/// What a snapshot changes on the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum News {
    /// Nothing.
    Nothing,
    /// The machine's load, and what we cost.
    Machine,
    /// The clock of a run that goes on, what is sampled of it, and a few switches of its threads.
    Clock,
    /// Something has happened.
    Event,
}

impl News {
    fn between(old: &Snapshot, new: &Snapshot) -> Self {
        let is_same_number = old.runs.len() == new.runs.len();
        let of_runs = old.runs.iter().zip(&new.runs).map(|(old, new)| Self::of_run(old, new)).max().unwrap_or(Self::Nothing);
        let noticed = |snapshot: &Snapshot| snapshot.notices.last().map(|(number, _)| *number);
        let is_same_rest = old.board == new.board
            && noticed(old) == noticed(new)
            && old.trouble == new.trouble
            && old.comparison == new.comparison
            && old.system.scheduler == new.system.scheduler;
        match of_runs {
            _ if !is_same_number || !is_same_rest => Self::Event,
            Self::Nothing if !is_same_machine(&old.system, &new.system) => Self::Machine,
            news => news,
        }
    }

    fn of_run(old: &Arc<RunView>, new: &Arc<RunView>) -> Self {
        if Arc::ptr_eq(old, new) {
            Self::Nothing
        } else if is_same_but_for_the_clock(old, new) {
            Self::Clock
        } else {
            Self::Event
        }
    }

    /// The time from one frame to the next for this; `None` where it is worth none.
    fn interval(self, ctx: &Context) -> Option<Duration> {
        match self {
            Self::Nothing => None,
            Self::Machine => Some(AT_REST),
            Self::Clock => Some(surface::clock_interval(ctx)),
            Self::Event if surface::processor_draws(ctx) => Some(DEAR_FRAME),
            Self::Event => Some(FRAME),
        }
    }
}

/// Parts that have not changed are shared between the snapshots of a run, so that their address tells.
fn is_same_but_for_the_clock(old: &RunView, new: &RunView) -> bool {
    let is_state = match (&old.state, &new.state) {
        (RunState::Stopping { .. }, RunState::Stopping { .. }) => true,
        (old, new) => old == new,
    };
    let is_output = |(old, new): (&OutputView, &OutputView)| {
        Arc::ptr_eq(&old.tail, &new.tail) && (old.kept, old.dropped, old.is_closed) == (new.kept, new.dropped, new.is_closed)
    };
    old.id == new.id
        && is_state
        && switches(old, new).is_some_and(|switches| switches <= FEW)
        && Arc::ptr_eq(&old.log, &new.log)
        && old.processes.len() == new.processes.len()
        && old.processes.iter().zip(&new.processes).all(|(old, new)| is_same_process(old, new))
        && old.outputs.len() == new.outputs.len()
        && old.outputs.iter().zip(&new.outputs).all(is_output)
        && old.lines.len() == new.lines.len()
        && old.lines.iter().zip(&new.lines).all(|(old, new)| old.edges == new.edges)
        && old.facts == new.facts
        && old.values == new.values
        && old.findings == new.findings
}

/// So many changes of state between two snapshots are threads that look now and then, not work: each look is three of them.
const FEW: usize = 24;

/// How often the threads of a run have changed their states; `None` where its lanes have changed otherwise, but for the kernel's reasons of
/// waits: each look that is over 15 ms after the one before has one.
fn switches(old: &RunView, new: &RunView) -> Option<usize> {
    let is_same_but_for_states = |old: &Lane, new: &Lane| {
        (old.id, old.end.is_some(), old.line) == (new.id, new.end.is_some(), new.line)
            && (old.words.len(), old.marks.len()) == (new.words.len(), new.marks.len())
    };
    let of_lane = |(old, new): (&Arc<Lane>, &Arc<Lane>)| {
        if Arc::ptr_eq(old, new) {
            return Some(0);
        }
        is_same_but_for_states(old, new).then(|| new.states.len().saturating_sub(old.states.len()))
    };
    if old.lanes.len() == new.lanes.len() { old.lanes.iter().zip(&new.lanes).map(of_lane).sum() } else { None }
}

/// But for what is sampled of it, eight times a second.
fn is_same_process(old: &ProcessRow, new: &ProcessRow) -> bool {
    (old.pid, old.ppid, old.status, old.reaped, old.threads.len(), &old.name)
        == (new.pid, new.ppid, new.status, new.reaped, new.threads.len(), &new.name)
}

fn is_same_machine(old: &SystemView, new: &SystemView) -> bool {
    Arc::ptr_eq(&old.load, &new.load) && old.latest == new.latest && (old.own_cpu - new.own_cpu).abs() < f32::EPSILON
}

/// The time of the last frame, which the window tells.
#[derive(Debug, Clone, Default)]
pub struct LastFrame(Arc<Mutex<Option<Instant>>>);

impl LastFrame {
    /// A frame begins now.
    pub fn begins(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    /// The time until a frame that is to come so long after the last one. It is never zero, which egui would take for two frames.
    fn until_next(&self, interval: Duration) -> Duration {
        let last = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let passed = last.map_or(Duration::ZERO, |last| last.elapsed());
        interval.saturating_sub(passed).max(Duration::from_millis(1))
    }
}

/// Wakes the window for the snapshots that it would show differently, and not more often than it can draw.
pub struct Pace {
    ctx: Context,
    engine: EngineHandle,
    last_frame: LastFrame,
    seen: Mutex<Arc<Snapshot>>,
}

impl Pace {
    /// Of this window, over the engine whose snapshots it shows.
    pub fn new(ctx: &Context, engine: &EngineHandle, last_frame: LastFrame) -> Self {
        let engine = engine.reader();
        Self { ctx: ctx.clone(), seen: Mutex::new(engine.snapshot()), engine, last_frame }
    }
}

impl Wake for Pace {
    fn wake(self: Arc<Self>) {
        // It is drawn anyway when it is seen again.
        if self.ctx.input(|input| input.viewport().visible()) == Some(false) {
            return;
        }
        let new = self.engine.snapshot();
        let old = std::mem::replace(&mut *self.seen.lock().unwrap_or_else(PoisonError::into_inner), Arc::clone(&new));
        if let Some(interval) = News::between(&old, &new).interval(&self.ctx) {
            self.ctx.request_repaint_after_for(self.last_frame.until_next(interval), ViewportId::ROOT);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::task::Waker;

    use super::*;
    use crate::model::{ExitStatus, Finished, LaneState, Monotonic, Outcome, TaskState};
    use crate::ui::sample;

    /// A window that has been drawn, an engine that publishes, and the frames that are asked for.
    struct Window {
        ctx: Context,
        engine: EngineHandle,
        requests: mpsc::Receiver<Duration>,
    }

    impl Window {
        fn new() -> Self {
            let ctx = Context::default();
            let (commands, _) = crossbeam_channel::bounded(1);
            let engine = EngineHandle::new(commands, Arc::default());
            let (sender, requests) = mpsc::sync_channel(1000);
            ctx.set_request_repaint_callback(move |info| {
                let _ = sender.try_send(info.delay);
            });
            let last_frame = LastFrame::default();
            last_frame.begins();
            engine.set_waker(Waker::from(Arc::new(Pace::new(&ctx, &engine, last_frame))));
            let window = Self { ctx, engine, requests };
            window.draw();
            window
        }

        /// Draws until no frame is asked for, as after a click.
        fn draw(&self) {
            for _ in 0..4 {
                self.ctx.run_ui(egui::RawInput::default(), |_| {}).drop_without_applying_deltas();
            }
            while self.requests.try_recv().is_ok() {}
        }

        /// The shortest time after which a frame is asked for once these have been published.
        fn publish(&self, snapshots: impl IntoIterator<Item = Snapshot>) -> Option<Duration> {
            self.draw();
            snapshots.into_iter().for_each(|snapshot| self.engine.publish(snapshot));
            self.requests.try_iter().min()
        }
    }

    /// As the engine publishes what has not changed: the parts are shared, and the sequence goes on.
    fn next(snapshot: &Snapshot, change: impl FnOnce(&mut Snapshot)) -> Snapshot {
        let mut next = Snapshot { sequence: snapshot.sequence + 1, ..snapshot.clone() };
        change(&mut next);
        next
    }

    fn at_rest() -> Snapshot {
        let mut run = (*sample::deadlock().runs[0]).clone();
        run.state = RunState::Finished(Finished { outcome: Outcome::Passed, elapsed_s: 2.0, processes_left: 0, reason: None });
        Snapshot { runs: vec![Arc::new(run)], ..sample::deadlock() }
    }

    #[test]
    fn a_snapshot_that_is_equal_to_the_last_one_asks_for_no_frame() {
        for first in [Snapshot::default(), at_rest(), sample::deadlock()] {
            let window = Window::new();
            window.publish([first.clone()]);
            assert_eq!(window.publish([next(&first, |_| {}), next(&first, |_| {})]), None);
        }
    }

    #[test]
    fn at_rest_no_frame_is_asked_for_within_two_seconds() {
        let (window, first) = (Window::new(), at_rest());
        window.publish([first.clone()]);
        let samples: Vec<_> = (0..5).map(|_| next(&first, |snapshot| snapshot.system = sample::system(4))).collect();
        let asked = window.publish(samples).expect("the load goes on");
        assert!((AT_REST.mul_f32(0.7)..=AT_REST).contains(&asked), "{asked:?}");
        let hurry = window.publish([next(&first, |snapshot| snapshot.trouble = Some("it is lost".to_owned()))]);
        assert!(hurry.expect("news") <= FRAME);
    }

    #[test]
    fn many_snapshots_become_one_frame_later_and_fewer_where_the_processor_draws() {
        let first = sample::deadlock();
        for (draws, least, most) in [(false, 1, FRAME), (true, 34, DEAR_FRAME)] {
            let window = Window::new();
            surface::set_processor_draws(&window.ctx, draws);
            window.publish([first.clone()]);
            let busy =
                (0..100).map(|turn| next(&first, |snapshot| Arc::make_mut(&mut snapshot.runs[0]).facts.truncate(turn % 2)));
            let busy: Vec<_> = busy.collect();
            window.draw();
            for snapshot in busy {
                window.engine.publish(snapshot);
            }
            let delays: Vec<_> = window.requests.try_iter().collect();
            assert!(delays.iter().all(|delay| !delay.is_zero() && *delay <= most), "{delays:?}");
            assert!(delays.iter().max().is_some_and(|delay| *delay >= Duration::from_millis(least)), "{delays:?}");
        }
    }

    #[test]
    fn the_clock_and_what_is_sampled_are_slower_than_an_event() {
        for (draws, millis) in [(false, 33), (true, 250)] {
            let ctx = Context::default();
            surface::set_processor_draws(&ctx, draws);
            assert_eq!(News::Clock.interval(&ctx), Some(Duration::from_millis(millis)));
        }
        let first = sample::deadlock();
        let changed = |change: &dyn Fn(&mut RunView)| {
            News::between(&first, &next(&first, |snapshot| change(Arc::make_mut(&mut snapshot.runs[0]))))
        };
        assert_eq!(changed(&|run| run.elapsed = Monotonic::from_secs(3.0)), News::Clock);
        assert_eq!(changed(&|run| run.processes[0].cpu = 12.0), News::Clock);
        assert_eq!(changed(&|run| run.processes[0].status = Some(ExitStatus::Exited(0))), News::Event);
        let switch = |run: &mut RunView, times: u64| {
            let lane = Arc::make_mut(&mut run.lanes[0]);
            for turn in 0..times {
                let state = if turn % 2 == 0 { LaneState::OnCore } else { LaneState::Ready };
                lane.states.push(Monotonic::from_nanos(3_000_000_000 + turn), state, 0);
            }
        };
        assert_eq!(changed(&|run| switch(run, 4)), News::Clock, "a thread that looks now and then");
        assert_eq!(changed(&|run| switch(run, 40)), News::Event);
        let say = |run: &mut RunView| {
            let words = &mut Arc::make_mut(&mut run.lanes[0]).words;
            words.push(Monotonic::from_secs(3.0), TaskState::Waiting, &"lock A".into(), None, None);
        };
        assert_eq!(changed(&say), News::Event);
        assert_eq!(changed(&|run| run.facts.clear()), News::Event);
        let more = next(&first, |snapshot| snapshot.runs.push(Arc::new(sample::run(2, "x"))));
        assert_eq!(News::between(&first, &more), News::Event);
    }

    #[test]
    fn a_hidden_window_is_not_woken() {
        let window = Window::new();
        let mut input = egui::RawInput::default();
        let shown = input.viewports.entry(ViewportId::ROOT).or_default();
        (shown.minimized, shown.occluded) = (Some(true), Some(false));
        window.ctx.run_ui(input, |_| {}).drop_without_applying_deltas();
        while window.requests.try_recv().is_ok() {}
        window.engine.publish(sample::deadlock());
        assert_eq!(window.requests.try_iter().count(), 0);
    }
}
