//! The window on small displays, for fingers, and for a room.

use std::sync::Arc;

use egui::{Key, Modifiers};
use egui_kittest::kittest::Queryable;

use super::{Window, finished, running};
use crate::model::Snapshot;
use crate::ui::{sample, testing};

#[test]
fn on_the_touch_display_every_part_is_a_tab() {
    let mut window = Window::sized(running(), 800.0, 480.0, 8);
    assert!(window.has("lane worker-1") && !window.has("process sort"));
    window.click("Processes");
    assert!(window.has("process sort 4716"));
    window.click("Actions and pins");
    assert!(window.has("pin 40") && window.has("Click a row"));
    window.press(Modifiers::ALT, Key::Num6);
    assert!(window.has("one cannot kill the dead"));
    window.press(Modifiers::ALT, Key::Num1);
    assert!(window.has("Fork and join"));
}

#[test]
fn zoom_keys_change_the_size_and_the_projector_goes_back() {
    let mut window = Window::open(Snapshot::default());
    let zoom = |window: &Window| window.harness.ctx.zoom_factor();
    window.press(Modifiers::CTRL, Key::Plus);
    assert!(zoom(&window) > 1.05);
    window.press(Modifiers::CTRL, Key::Num0);
    window.press(Modifiers::CTRL | Modifiers::SHIFT, Key::P);
    assert!((zoom(&window) - 1.75).abs() < 0.01);
    window.press(Modifiers::CTRL | Modifiers::SHIFT, Key::P);
    assert!((zoom(&window) - 1.0).abs() < 0.01);
}

#[test]
fn the_projector_shows_one_plot_the_lanes_and_the_log() {
    let mut window = Window::open(running());
    window.press(Modifiers::CTRL | Modifiers::SHIFT, Key::P);
    window.harness.run_steps(3);
    assert_eq!(window.harness.query_all_by_label_contains("core 0").count(), 1, "one plot for all");
    assert!(window.has("lane worker-1") && window.has("one cannot kill the dead"));
    window.click("Processes");
    assert!(window.has("process sort 4716"));
}

#[test]
fn for_fingers_everything_is_larger() {
    let mut window = Window::open(running());
    let height = |window: &Window| window.harness.get_by_label("Kill").rect().height();
    let row =
        |window: &Window| window.harness.get_by_role_and_label(egui::accesskit::Role::Button, "Fork and join").rect().height();
    let before = (height(&window), row(&window));
    window.press(Modifiers::CTRL, Key::Comma);
    window.harness.get_by_label_contains("large targets").click();
    window.press(Modifiers::NONE, Key::Escape);
    window.harness.run_steps(4);
    let after = (height(&window), row(&window));
    assert!(before.0 < 32.0 && after.0 >= 36.0 && after.1 >= 34.0, "{before:?} {after:?}");
}

#[test]
fn a_small_screen_is_for_fingers_and_start_is_on_every_tab() {
    let mut window = Window::sized(running(), 800.0, 480.0, 8);
    let inside = |window: &Window, name: &str| {
        let rect = window.harness.get_by_role_and_label(egui::accesskit::Role::Button, name).rect();
        assert!(window.harness.ctx.content_rect().contains_rect(rect), "{name}: {rect:?}");
        rect.height()
    };
    for tab in ["Scenarios", "Timeline", "Processes", "Code and output", "Actions and pins", "What happened"] {
        window.click(tab);
        for name in ["Stop", "Stop everything", tab] {
            assert!(inside(&window, name) >= 36.0, "{name} on {tab}");
        }
    }
    window.click("Actions and pins");
    window.show(finished());
    window.click("Scenarios");
    window.click("Start");
    assert!(window.has("lane worker-1"), "what begins is what one sees");
}

#[test]
fn panes_keep_their_place_when_the_window_changes() {
    let mut snapshot = sample::snapshot(300);
    let mut run = (*snapshot.runs[0]).clone();
    run.scenario = testing::FORK.id.to_owned();
    snapshot.runs = vec![Arc::new(run)];
    let mut window = Window::open(snapshot);
    let newest = "worker-299 got the lock";
    assert!(window.has(newest));
    for key in [Key::Plus, Key::Plus, Key::Num0] {
        window.press(Modifiers::CTRL, key);
        window.harness.run_steps(3);
        assert!(window.has(newest), "the log shows its end after {key:?}");
    }
}
