//! The timeline, driven by accessible name, by keys and by dragging.

use egui::{Event, Key, Modifiers, PointerButton};
use egui_kittest::{Harness, kittest::Queryable};

use super::*;
use crate::model::RunState;
use crate::ui::{sample, testing};

type State = (Timeline, Actions, RunView, Selection);

fn sized(run: RunView, width: f32, height: f32) -> Harness<'static, State> {
    let state = (Timeline::default(), Actions::default(), run, None);
    let mut harness = testing::view(width, height, state, |ui, (timeline, actions, run, selection)| {
        ui.horizontal(|ui| ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| timeline.head(ui, Some(run))));
        timeline.ui(ui, run, *selection, false, actions);
    });
    harness.run_steps(3);
    harness
}

fn show(run: RunView) -> Harness<'static, State> {
    sized(run, 800.0, 400.0)
}

fn over(mut run: RunView) -> RunView {
    let outcome = crate::model::Outcome::Passed;
    run.state = RunState::Finished(crate::model::Finished { outcome, elapsed_s: 2.0, processes_left: 0, reason: None });
    run
}

fn range(harness: &Harness<'_, State>) -> (f64, f64) {
    harness.state().0.looking.sight.range(harness.state().2.elapsed.secs())
}

fn drag(harness: &mut Harness<'_, State>, from: egui::Pos2, by: egui::Vec2, modifiers: Modifiers) {
    let button = |pos, pressed| Event::PointerButton { pos, button: PointerButton::Primary, pressed, modifiers };
    for event in [
        Event::ModifiersChanged(modifiers),
        Event::PointerMoved(from),
        button(from, true),
        Event::PointerMoved(from + by / 2.0),
        Event::PointerMoved(from + by),
        button(from + by, false),
    ] {
        harness.event(event);
        harness.run_steps(2);
    }
    harness.event(Event::ModifiersChanged(Modifiers::NONE));
}

#[test]
fn lanes_are_named_with_their_state_and_a_click_selects_the_thread() {
    let mut harness = show((*sample::deadlock().runs[0]).clone());
    harness.get_by_label("lane worker-1: blocked: lock B, held by worker-2").click();
    harness.run_steps(2);
    let actions = harness.state_mut().1.take();
    assert!(matches!(actions[..], [UiAction::Select(pid, Some(tid))] if pid.number() == 4711 && tid.number() == 4712));
}

#[test]
fn an_empty_run_says_so_and_of_two_thousand_lanes_only_the_visible_ones_are_drawn() {
    show(sample::run(1, "x")).get_by_label_contains("No thread or process");
    let harness = show((*sample::snapshot(2000).runs[0]).clone());
    let drawn = harness.query_all_by_label_contains("lane worker-").count();
    assert!((3..30).contains(&drawn), "{drawn}");
}

#[test]
fn the_whole_run_the_cores_and_each_core_can_be_read() {
    let mut harness = show(sample::kernel_lanes());
    harness.get_by_label_contains("whole run, 2.");
    harness.get_by_label_contains("4 cores of this run: ");
    assert!(
        harness.query_by_label("core 0: nothing of this run").is_some() != harness.query_by_label_contains("core 2: ").is_none()
    );
    let is_open = harness.query_by_label_contains("core 2: ").is_some();
    harness.get_by_label_contains("4 cores of this run: ").click();
    harness.run_steps(3);
    assert_ne!(harness.query_by_label_contains("core 2: ").is_some(), is_open, "a click opens and closes them");
}

#[test]
fn another_run_begins_at_its_live_edge_and_the_same_one_stays_as_it_was_left() {
    let mut harness = show((*sample::deadlock().runs[0]).clone());
    harness.get_by_label("Zoom in").click();
    harness.run_steps(2);
    harness.state_mut().0.looking.sight = Sight::Part { from: 0.5, to: 1.5 };
    harness.run_steps(2);
    assert_eq!(harness.state().0.looking.sight, Sight::Part { from: 0.5, to: 1.5 });
    harness.get_by_label("▶ now");
    harness.state_mut().2.id = RunId::new(2);
    harness.run_steps(2);
    assert_eq!(harness.state().0.looking.sight, Sight::default());
    assert!(harness.query_by_label("▶ now").is_none());
    harness.get_by_label("Show all of the run").click();
    harness.run_steps(2);
    harness.state_mut().2.elapsed = Monotonic::from_secs(60.0);
    harness.run_steps(2);
    assert_eq!(range(&harness), (0.0, 60.0), "all goes on showing all");
}

#[test]
fn at_rest_the_timeline_wants_no_frame_and_while_a_run_goes_on_not_at_once() {
    let delay = |harness: &Harness<'_, State>| {
        let output = harness.output().viewport_output.get(&egui::ViewportId::ROOT).expect("a window");
        output.repaint_delay
    };
    let mut harness = show(over(sample::kernel_lanes()));
    harness.run_steps(30);
    assert_eq!(delay(&harness), std::time::Duration::MAX, "nothing moves in a run that is over");
    let mut harness = show(sample::kernel_lanes());
    harness.run_steps(30);
    assert_eq!(delay(&harness), std::time::Duration::MAX, "no snapshot came for long");
    harness.state_mut().2.elapsed = Monotonic::from_secs(2.5);
    harness.run_steps(1);
    let wanted = delay(&harness);
    assert!(!wanted.is_zero() && wanted < std::time::Duration::from_millis(40), "{wanted:?}");
}

#[test]
fn lanes_that_come_move_none_while_the_pointer_is_on_them() {
    let mut harness = sized((*sample::snapshot(5).runs[0]).clone(), 800.0, 250.0);
    let place = |harness: &Harness<'_, State>| harness.get_by_label_contains("lane worker-3:").rect();
    harness.run_steps(2);
    let before = place(&harness);
    harness.hover_at(before.center());
    harness.run_steps(2);
    harness.state_mut().2.lanes = sample::snapshot(12).runs[0].lanes.clone();
    harness.run_steps(2);
    assert_eq!(place(&harness), before);
    harness.hover_at(pos2(-10.0, -10.0));
    harness.run_steps(2);
    assert_ne!(place(&harness), before, "the control: they are lower when nobody points at them");
}

#[test]
fn a_drag_marks_an_area_with_its_table_and_with_shift_it_moves() {
    let mut harness = sized(over(sample::kernel_lanes()), 1000.0, 600.0);
    let lane = harness.get_by_label_contains("lane painter:").rect();
    let from = pos2(lane.left() + 300.0, lane.center().y);
    drag(&mut harness, from, vec2(200.0, 0.0), Modifiers::NONE);
    harness.get_by_label("Why did this take so long?");
    harness.get_by_label_contains("in this area painter: ");
    assert!(harness.state_mut().1.take().is_empty(), "a drag is no click");
    harness.key_press(Key::Escape);
    harness.run_steps(8);
    assert!(harness.query_by_label("Why did this take so long?").is_none());
    harness.state_mut().0.looking.sight = Sight::Part { from: 0.5, to: 1.5 };
    harness.run_steps(1);
    drag(&mut harness, from, vec2(100.0, 0.0), Modifiers::SHIFT);
    let (begin, _) = range(&harness);
    assert!(begin < 0.45 && harness.state().0.looking.area.marked().is_none(), "{begin}");
}

#[test]
fn the_frame_over_the_whole_run_is_dragged_and_a_click_goes_there() {
    let mut run = over(sample::kernel_lanes());
    run.elapsed = Monotonic::from_secs(20.0);
    let mut harness = sized(run, 1000.0, 500.0);
    assert_eq!(range(&harness), (18.0, 20.0));
    let whole = harness.get_by_label_contains("whole run, 20.0 s").rect();
    let at = |part: f32| pos2(whole.left() + whole.width() * part, whole.center().y);
    drag(&mut harness, at(0.95), vec2(-whole.width() / 2.0, 0.0), Modifiers::NONE);
    let (from, to) = range(&harness);
    assert!((from - 8.0).abs() < 0.1 && (to - 10.0).abs() < 0.1, "{from} {to}");
    harness.get_by_label_contains(&format!("{from:.3} s to {to:.3} s are in sight"));
    drag(&mut harness, at(0.45), vec2(whole.width() * 2.0, 0.0), Modifiers::NONE);
    assert_eq!(harness.state().0.looking.sight, Sight::Follow { span: 2.0 }, "at the end it follows again");
    drag(&mut harness, at(0.25), vec2(0.0, 0.0), Modifiers::NONE);
    let (from, to) = range(&harness);
    assert!(from < 5.0 && to > 5.0 && (to - from - 2.0).abs() < 1e-6, "{from} {to}");
}

#[test]
fn a_move_and_its_release_in_one_frame_count() {
    let mut run = over(sample::kernel_lanes());
    run.elapsed = Monotonic::from_secs(20.0);
    let mut harness = sized(run, 1000.0, 500.0);
    let whole = harness.get_by_label_contains("whole run, 20.0 s").rect();
    let quick = |harness: &mut Harness<'_, State>, from: egui::Pos2, to: egui::Pos2| {
        let button =
            |pos, pressed| Event::PointerButton { pos, button: PointerButton::Primary, pressed, modifiers: Modifiers::NONE };
        for event in [Event::PointerMoved(from), button(from, true), Event::PointerMoved(from.lerp(to, 0.1))] {
            harness.event(event);
            harness.run_steps(1);
        }
        harness.event(Event::PointerMoved(to));
        harness.event(button(to, false));
        harness.run_steps(2);
    };
    let at = |part: f32| pos2(whole.left() + whole.width() * part, whole.center().y);
    quick(&mut harness, at(0.95), at(0.45));
    let (from, to) = range(&harness);
    assert!((from - 8.0).abs() < 0.1 && (to - 10.0).abs() < 0.1, "{from} {to}");
    harness.state_mut().0.looking.sight = Sight::All;
    harness.run_steps(2);
    let lane = harness.get_by_label_contains("lane painter:").rect();
    let scale = harness.state().0.looking.scale().expect("it was drawn");
    let (a, b) = (pos2(scale.x(4.0), lane.center().y), pos2(scale.x(12.0), lane.center().y));
    quick(&mut harness, a, b);
    let (from, to) = harness.state().0.looking.area.marked().expect("it is marked");
    assert!((from.secs() - 4.0).abs() < 0.1 && (to.secs() - 12.0).abs() < 0.1, "{from:?} {to:?}");
}

#[test]
fn the_machines_cores_have_a_lane_each_and_the_legend_begins_with_what_occurs() {
    let mut run = over(sample::kernel_lanes());
    run.cores.truncate(1);
    let mut harness = sized(run, 800.0, 500.0);
    harness.get_by_label_contains("1 core of this run: ");
    harness.state_mut().0.know_cores(2);
    harness.run_steps(3);
    harness.get_by_label_contains("2 cores of this run: ");
    harness.get_by_label("core 1: nothing of this run");
    for state in ["zombie", "unknown"] {
        harness.get_by_label(state);
    }
    assert!(harness.query_by_label("running").is_none(), "it does not occur");
}

#[test]
fn one_lane_and_none_that_the_filter_leaves_are_shown_as_that() {
    let mut run = sample::kernel_lanes();
    run.lanes.truncate(1);
    let mut harness = show(run);
    harness.get_by_label_contains("lane main:");
    harness.state_mut().0.arrangements.of(RunId::new(1)).filter = "nobody".to_owned();
    harness.run_steps(2);
    harness.get_by_label_contains("No lane has that in its name");
}

#[test]
fn the_keys_zoom_move_fit_and_step_while_the_pointer_is_there() {
    let mut harness = show(over(sample::kernel_lanes()));
    let lane = harness.get_by_label_contains("lane painter:").rect();
    harness.key_press(Key::W);
    harness.run_steps(2);
    assert_eq!(range(&harness), (0.0, 2.0), "the pointer is elsewhere");
    harness.hover_at(lane.center());
    harness.run_steps(2);
    harness.key_press(Key::W);
    harness.run_steps(2);
    let (from, to) = range(&harness);
    assert!((to - from - 2.0 / 1.5).abs() < 1e-6, "{from} {to}");
    let (scale, x) = (harness.state().0.looking.scale().expect("it was drawn"), lane.center().x);
    assert!(
        (scale.t(x) - f64::from(x - scale.left) / f64::from(scale.right - scale.left) * 2.0).abs() < 1e-3,
        "it keeps its place"
    );
    harness.key_press(Key::A);
    harness.run_steps(2);
    assert!(range(&harness).0 < from);
    harness.key_press(Key::S);
    harness.key_press(Key::S);
    harness.run_steps(2);
    assert_eq!(harness.state().0.looking.sight, Sight::All);
    let painter = harness.state().2.lanes[1].clone();
    harness.state_mut().3 = Some((painter.pid, painter.tid));
    for key in [Key::F, Key::Period, Key::Period] {
        harness.key_press(key);
        harness.run_steps(2);
    }
    assert_eq!(harness.state().0.looking.sight, Sight::All, "it lives nearly all the time");
    let changes: Vec<u64> =
        (0..painter.states.len()).filter_map(|index| painter.states.get(index)).map(|span| span.from.nanos()).collect();
    assert_eq!(harness.state().0.looking.cursor.map(Monotonic::nanos), Some(changes[1]));
    harness.key_press(Key::Comma);
    harness.run_steps(2);
    assert_eq!(harness.state().0.looking.cursor.map(Monotonic::nanos), Some(changes[0]));
}

#[test]
fn the_slash_filters_and_a_menu_pins_and_hides() {
    let mut harness = show(sample::kernel_lanes());
    let has = |harness: &Harness<'_, State>, name: &str| harness.query_by_label_contains(name).is_some();
    harness.hover_at(harness.get_by_label_contains("lane painter:").rect().center());
    harness.run_steps(2);
    harness.key_press(Key::Slash);
    harness.run_steps(2);
    harness.get_by_label("Filter the lanes").type_text("BRO");
    harness.run_steps(2);
    assert_eq!(harness.state().0.arrangements.filter(RunId::new(1)), "BRO");
    assert!(has(&harness, "lane broker:") && !has(&harness, "lane painter:"));
    harness.key_press(Key::Escape);
    harness.run_steps(2);
    assert!(has(&harness, "lane painter:"));
    harness.get_by_label_contains("lane broker:").click_secondary();
    harness.run_steps(3);
    harness.get_by_label("Hide").click();
    harness.run_steps(3);
    assert!(harness.query_by_label_contains("lane broker:").is_none());
    harness.get_by_label("Lanes to show").click();
    harness.run_steps(3);
    harness.get_by_label("Show all lanes").click();
    harness.run_steps(3);
    harness.get_by_label_contains("lane broker:");
}

/// The lanes from top to bottom.
fn order(harness: &Harness<'_, State>, names: &[&str]) -> Vec<String> {
    let mut found: Vec<(f32, String)> = names
        .iter()
        .map(|name| (harness.get_by_label_contains(&format!("lane {name}:")).rect().top(), (*name).to_owned()))
        .collect();
    found.sort_by(|a, b| a.0.total_cmp(&b.0));
    found.into_iter().map(|(_, name)| name).collect()
}

#[test]
fn a_lane_is_moved_by_its_name_with_a_line_where_it_goes_and_escape_gives_up() {
    let names = ["main", "worker-1", "worker-2", "watcher"];
    let mut harness = show(over((*sample::deadlock().runs[0]).clone()));
    let rect = |harness: &Harness<'_, State>, name: &str| harness.get_by_label_contains(&format!("lane {name}:")).rect();
    let name_of =
        |harness: &Harness<'_, State>, name: &str| pos2(rect(harness, name).left() + 30.0, rect(harness, name).center().y);
    assert_eq!(order(&harness, &names), names);
    let (from, above) = (name_of(&harness, "watcher"), rect(&harness, "worker-1").top());
    let button = |pos, pressed| Event::PointerButton { pos, button: PointerButton::Primary, pressed, modifiers: Modifiers::NONE };
    let carry = |harness: &mut Harness<'_, State>| {
        for event in [Event::PointerMoved(from), button(from, true), Event::PointerMoved(pos2(from.x, above))] {
            harness.event(event);
            harness.run_steps(2);
        }
        let line = harness.get_by_label("watcher moves above worker-1").rect();
        assert!((line.center().y - above).abs() < 8.0 && line.width() > 600.0, "{line:?}");
    };
    carry(&mut harness);
    harness.key_press(Key::Escape);
    harness.run_steps(2);
    assert!(harness.query_by_label_contains("moves above").is_none());
    harness.event(button(pos2(from.x, above), false));
    harness.run_steps(2);
    assert_eq!(order(&harness, &names), names, "it was given up");
    carry(&mut harness);
    harness.event(button(pos2(from.x, above), false));
    harness.run_steps(2);
    assert_eq!(order(&harness, &names), ["main", "watcher", "worker-1", "worker-2"]);
    assert!(harness.query_by_label_contains("moves above").is_none());
    assert!(harness.state().0.looking.area.marked().is_none(), "names mark no area");
    assert!(harness.state_mut().1.take().is_empty(), "a drag is no click");
    let name = name_of(&harness, "worker-2");
    for event in [Event::PointerMoved(name), button(name, true), button(name, false)] {
        harness.event(event);
        harness.run_steps(1);
    }
    assert_eq!(order(&harness, &names), ["main", "watcher", "worker-1", "worker-2"]);
    assert!(matches!(harness.state_mut().1.take()[..], [UiAction::Select(..)]), "a click on a name selects");
}

#[test]
fn a_name_that_is_dragged_below_the_lanes_scrolls_them() {
    let mut harness = sized(over((*sample::snapshot(100).runs[0]).clone()), 800.0, 300.0);
    let first = harness.get_by_label_contains("lane worker-0:").rect();
    let from = pos2(first.left() + 30.0, first.center().y);
    let button = |pos, pressed| Event::PointerButton { pos, button: PointerButton::Primary, pressed, modifiers: Modifiers::NONE };
    for event in [Event::PointerMoved(from), button(from, true), Event::PointerMoved(pos2(from.x, 320.0))] {
        harness.event(event);
        harness.run_steps(2);
    }
    harness.run_steps(400);
    harness.get_by_label("worker-0 moves to the end");
    harness.event(button(pos2(from.x, 320.0), false));
    harness.run_steps(2);
    let (timeline, _, run, _) = harness.state_mut();
    assert_eq!(timeline.arrangements.shown(run).last(), Some(&0));
}

#[test]
fn a_million_changes_are_drawn_in_few_shapes_at_any_zoom() {
    let run = (*sample::million().runs[0]).clone();
    let mut harness = sized(over(run), 1280.0, 720.0);
    for sight in [Sight::All, Sight::Follow { span: 2.0 }, Sight::Part { from: 5.0, to: 5.05 }] {
        harness.state_mut().0.looking.sight = sight;
        harness.run_steps(2);
        let count = harness.output().shapes.len();
        assert!(count < 20_000, "{sight:?}: {count} shapes");
    }
}
