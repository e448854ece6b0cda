//! The frames that the window asks for by itself: none at rest, and few while a run goes on.

use std::time::Duration;

use egui::ViewportId;

use super::*;
use crate::ui::look::surface;

/// The time after which the window wants its next frame, once all that had to settle has.
fn next_frame(window: &mut Window) -> Duration {
    window.harness.run_steps(30);
    window.harness.output().viewport_output.get(&ViewportId::ROOT).expect("the window").repaint_delay
}

#[test]
fn at_rest_the_window_asks_for_no_frame_within_two_seconds() {
    for (what, snapshot) in [("before a run", Snapshot::default()), ("after a run", finished())] {
        for (width, height) in [(800.0, 480.0), (1280.0, 800.0)] {
            let mut window = Window::sized(snapshot.clone(), width, height, 8);
            let delay = next_frame(&mut window);
            assert!(delay >= Duration::from_secs(2), "{what}, {width} × {height}: {delay:?}");
        }
    }
}

#[test]
fn while_a_run_goes_on_its_live_edge_moves_and_less_often_where_the_processor_draws() {
    let mut window = Window::open(running());
    assert_eq!(next_frame(&mut window), Duration::from_millis(33));
    surface::set_processor_draws(&window.harness.ctx, true);
    assert_eq!(next_frame(&mut window), Duration::from_millis(200));
}
