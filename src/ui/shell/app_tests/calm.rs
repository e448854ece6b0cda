//! The frames that the window asks for by itself: none at rest.

use std::time::Duration;

use egui::ViewportId;

use super::*;

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
