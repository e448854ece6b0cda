//! Nothing lies over anything else, and nothing is cut, at any size: walks sizes, zooms, modes and what there is to show.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use egui::accesskit::{NodeId, Role};
use egui::{Event, Id, Key, LayerId, Modifiers, PointerButton, Rect, WidgetRect, pos2, vec2};
use egui_kittest::{
    Harness,
    kittest::{NodeT, Queryable},
};

use super::{Window, finished_as, running_as};
use crate::model::{Fact, RunFinding, RunState, RunView, Snapshot, TaskState};
use crate::scenario::CATALOGUE;
use crate::ui::ask::parts::{Pane, Tab};
use crate::ui::ask::selection::Subject;
use crate::ui::look::theme::DesktopFonts;
use crate::ui::shell::settings::Preferences;
use crate::ui::{sample, testing};

/// Points by which a border may lie over another thing's edge.
const EDGE: f32 = 1.5;

/// Something that can be read or clicked, as it is on the screen.
struct Item {
    name: String,
    role: Role,
    layer: LayerId,
    /// All of it.
    whole: Rect,
    /// The part that is not hidden behind the edge of its pane.
    seen: Rect,
    /// The parts of the window that it lies in, the innermost first.
    within: Vec<Id>,
}

/// Whether a thing is one of those that have a place of their own: a heading, a tab, a button, a field.
fn has_place(role: Role) -> bool {
    use Role::{Button, CheckBox, ComboBox, Label, Link, RadioButton, Row, Slider, SpinButton, TextInput};
    matches!(role, Button | CheckBox | ComboBox | Label | Link | RadioButton | Row | Slider | SpinButton | TextInput)
}

/// A bar that scrolls what lies in a part of the window.
struct Bar {
    of: Id,
    at: Rect,
}

/// The faults of the picture, in words.
fn faults<S>(harness: &Harness<'_, S>) -> Vec<String> {
    let screen = harness.ctx.content_rect();
    let rects: HashMap<NodeId, WidgetRect> = harness.ctx.viewport(|viewport| {
        let all = viewport.prev_pass.widgets.layers().flat_map(|(_, rects)| rects.iter().copied());
        all.map(|rect| (rect.id.accesskit_id(), rect)).collect()
    });
    let parents: HashMap<Id, Id> = rects.values().map(|rect| (rect.id, rect.parent_id)).collect();
    let (mut items, mut bars) = (Vec::new(), Vec::new());
    for node in harness.root().children_recursive() {
        let node = node.accesskit_node();
        let Some(rect) = rects.get(&node.locate().0) else { continue };
        if node.role() == Role::ScrollBar {
            bars.push(Bar { of: rect.parent_id, at: rect.interact_rect });
        }
        let name = node.label().or_else(|| node.value()).unwrap_or_default();
        if name.trim().is_empty() || !has_place(node.role()) || !rect.visible {
            continue;
        }
        let within = std::iter::successors(Some(rect.parent_id), |id| parents.get(id).copied().filter(|parent| parent != id));
        let (whole, seen) = (rect.rect, rect.interact_rect.intersect(screen));
        items.push(Item { name, role: node.role(), layer: rect.layer_id, whole, seen, within: within.take(64).collect() });
    }
    let mut faults: Vec<String> = items.iter().filter_map(|item| cut(item, &bars)).collect();
    for (index, one) in items.iter().enumerate() {
        faults.extend(items[index + 1..].iter().filter(|other| overlap(one, other)).map(|other| {
            format!("{:?} “{}” {:?} lies over {:?} “{}” {:?}", one.role, one.name, one.seen, other.role, other.name, other.seen)
        }));
    }
    faults
}

/// How an item is cut, if it is not cut by what can be scrolled, far enough to show the whole of it.
fn cut(item: &Item, bars: &[Bar]) -> Option<String> {
    let (whole, seen) = (item.whole, item.seen);
    let hidden = |of: f32, shown: f32| of > shown.max(0.0) + EDGE;
    let scrolls = |is_upright: bool, room: f32| {
        bars.iter().any(|bar| {
            let size = bar.at.size();
            let (long, is_same) = if is_upright { (size.y, size.y > size.x) } else { (size.x, size.x > size.y) };
            is_same && item.within.contains(&bar.of) && long + EDGE >= room.min(60.0)
        })
    };
    // A widget that is scrolled out of sight is nowhere.
    if !seen.is_positive() && (scrolls(true, whole.height()) || scrolls(false, 0.0)) {
        return None;
    }
    let is_cut = (hidden(whole.height(), seen.height()) && !scrolls(true, whole.height()))
        // A row's cells have their own columns.
        || (item.role != Role::Row && hidden(whole.width(), seen.width()) && !scrolls(false, 0.0));
    is_cut.then(|| format!("{:?} “{}” is cut: of {whole:?} one sees {seen:?}", item.role, item.name))
}

/// Whether two items share a place, though neither holds the other.
fn overlap(one: &Item, other: &Item) -> bool {
    let shared = one.seen.intersect(other.seen);
    if one.layer != other.layer || shared.width() <= EDGE || shared.height() <= EDGE {
        return false;
    }
    // A row is one thing to click, and has its own buttons and words in it.
    let holds = |a: &Item, b: &Item| {
        (a.role == Role::Row || a.name.starts_with("lane ") || a.name.starts_with("line "))
            && a.seen.expand(EDGE).contains_rect(b.seen)
    };
    !holds(one, other) && !holds(other, one)
}

/// A window of so many pixels, drawn so large, with all that it may have to show.
struct Case {
    pixels: [f32; 2],
    zoom: f32,
    is_touch: bool,
    is_projector: bool,
    is_new: bool,
}

impl Case {
    fn open(&self, snapshot: Snapshot) -> Window {
        let known = if self.is_new { Vec::new() } else { Pane::ALL.to_vec() };
        let zoom = if self.is_projector { 1.0 } else { self.zoom };
        let preferences = Preferences { is_touch: self.is_touch, known, zoom, ..Preferences::default() };
        let mut window = Window::with(snapshot, self.pixels.into(), 64, preferences);
        // The fonts of the desktop are wider than the bundled one.
        DesktopFonts::load().install(&window.harness.ctx);
        if self.is_projector {
            window.press(Modifiers::CTRL | Modifiers::SHIFT, Key::P);
        }
        window.harness.set_size(egui::Vec2::from(self.pixels) / self.zoom);
        window.harness.run_steps(4);
        let shown = window.harness.ctx.content_rect().size() * self.zoom;
        assert!((shown - egui::Vec2::from(self.pixels)).abs().max_elem() < 1.0, "{}: {shown}", self.name());
        window
    }

    fn name(&self) -> String {
        let Self { pixels: [width, height], zoom, is_touch, is_projector, is_new } = self;
        let mode = match (is_projector, is_touch) {
            (true, _) => ", projector",
            (_, true) => ", touch",
            _ => "",
        };
        format!("{width}×{height} at {:.0} %{mode}{}", zoom * 100.0, if *is_new { ", first use" } else { "" })
    }
}

fn deadlock(run: &mut RunView) {
    run.findings = ["Deadlock: worker-1 waits for lock B, held by worker-2, which waits for lock A, held by worker-1.", "Short."]
        .map(|text| RunFinding {
            id: "deadlock".to_owned(),
            text: text.to_owned(),
            tasks: vec!["worker-1".to_owned(), "worker-2".to_owned()],
            is_over: false,
        })
        .to_vec();
}

/// The states that a run can be in.
fn snapshots() -> Vec<(&'static str, Snapshot)> {
    let id = testing::POOL.id;
    let stepping = running_as(id, |run| {
        deadlock(run);
        run.lanes[2] =
            sample::told_lane(2, "worker-2", 4714, &[sample::segment(0.1, None, TaskState::Waiting, "step: acquire lock A")]);
    });
    let trouble = Snapshot {
        trouble: Some("The supervisor has gone: its 3 runs are over, with statuses unknown. A new one starts.".to_owned()),
        ..running_as(id, |run| run.state = RunState::Stopping { grace_left: 1.4 })
    };
    let answered = finished_as(id, |run| {
        deadlock(run);
        run.facts.push(Fact { id: testing::POOL.prediction.fact.to_owned(), ..run.facts[0].clone() });
    });
    vec![
        ("before", Snapshot { board: Arc::new(sample::board()), system: sample::system(4), ..Snapshot::default() }),
        ("running", running_as(id, |_| {})),
        ("stepping into a deadlock", stepping),
        ("ending in trouble", trouble),
        ("over", answered),
    ]
}

/// Goes through all tabs and pages of a window, and tells what is wrong.
fn look(window: &mut Window, told: &str, found: &mut Vec<String>) {
    let mut seen = HashSet::new();
    let is_folded = window.harness.query_by_role_and_label(egui::accesskit::Role::Button, Pane::Header.title()).is_some();
    for pane in if is_folded { &Pane::ALL[..] } else { &[Pane::Timeline] } {
        let tabs = if *pane == Pane::Details || !is_folded { &Tab::ALL[..] } else { &[Tab::Code] };
        for tab in tabs {
            window.harness.state_mut().pane = *pane;
            window.harness.state_mut().preferences.tab = *tab;
            window.harness.run_steps(2);
            let new = faults(&window.harness).into_iter().filter(|fault| seen.insert(fault.clone()));
            found.extend(new.map(|fault| format!("{told}, {pane:?}/{tab:?}: {fault}")));
        }
    }
}

fn walk(pixels: [f32; 2]) {
    let mut found = Vec::new();
    let plain = Case { pixels, zoom: 1.0, is_touch: false, is_projector: false, is_new: false };
    for case in [
        Case { is_new: true, ..plain },
        Case { zoom: 1.25, is_new: true, ..plain },
        Case { zoom: 1.75, ..plain },
        Case { is_touch: true, ..plain },
        Case { zoom: 1.75, is_touch: true, is_new: true, ..plain },
        Case { zoom: 1.75, is_projector: true, ..plain },
    ] {
        let mut window = case.open(Snapshot::default());
        window.harness.state_mut().subject = Subject::Scenario(testing::POOL.id);
        for (name, snapshot) in snapshots() {
            window.show(snapshot);
            look(&mut window, &format!("{}, {name}", case.name()), &mut found);
        }
        window.press(Modifiers::NONE, Key::P);
        look(&mut window, &format!("{}, paused", case.name()), &mut found);
        for (what, modifiers, key) in [("help", Modifiers::NONE, Key::F1), ("settings", Modifiers::CTRL, Key::Comma)] {
            window.press(modifiers, key);
            window.harness.run_steps(8);
            found.extend(faults(&window.harness).into_iter().map(|fault| format!("{}, {what}: {fault}", case.name())));
            window.press(Modifiers::NONE, Key::Escape);
        }
    }
    assert!(found.is_empty(), "{} faults:\n{}", found.len(), found.join("\n"));
}

#[test]
fn what_lies_over_another_thing_or_is_cut_is_found_and_what_can_be_scrolled_to_is_not_cut() {
    fn at(left: f32, top: f32) -> Rect {
        Rect::from_min_size(pos2(left, top), vec2(80.0, 24.0))
    }
    let told = |draw: fn(&mut egui::Ui)| {
        let mut harness = testing::view(300.0, 200.0, (), move |ui, ()| draw(ui));
        harness.run();
        faults(&harness)
    };
    let apart = told(|ui| {
        ui.put(at(0.0, 0.0), egui::Button::new("one"));
        ui.put(at(90.0, 0.0), egui::Button::new("other"));
    });
    assert!(apart.is_empty(), "{apart:?}");
    let covered = told(|ui| {
        ui.put(at(0.0, 0.0), egui::Button::new("one"));
        ui.put(at(60.0, 10.0), egui::Button::new("other"));
    });
    assert!(
        matches!(&covered[..], [fault] if fault.contains("“one”") && fault.contains("lies over Button “other”")),
        "{covered:?}"
    );
    let outside = told(|ui| drop(ui.put(at(250.0, 0.0), egui::Button::new("one"))));
    assert!(matches!(&outside[..], [fault] if fault.contains("“one” is cut")), "{outside:?}");
    let clipped = told(|ui| {
        ui.shrink_clip_rect(at(0.0, 0.0).with_max_y(12.0));
        ui.put(at(0.0, 0.0), egui::Button::new("one"));
    });
    assert!(matches!(&clipped[..], [fault] if fault.contains("“one” is cut")), "{clipped:?}");
    let scrolled = told(|ui| {
        egui::ScrollArea::vertical().show(ui, |ui| (0..20).for_each(|number| drop(ui.button(number.to_string()))));
    });
    assert!(scrolled.is_empty(), "{scrolled:?}");
}

/// Drags something by so much.
fn drag(window: &mut Window, from: egui::Pos2, by: egui::Vec2) {
    let button = |pos, pressed| Event::PointerButton { pos, button: PointerButton::Primary, pressed, modifiers: Modifiers::NONE };
    for event in [Event::PointerMoved(from), button(from, true), Event::PointerMoved(from + by), button(from + by, false)] {
        window.harness.event(event);
        window.harness.run_steps(2);
    }
    window.harness.event(Event::PointerGone);
    window.harness.run_steps(2);
}

#[test]
fn however_far_a_split_is_dragged_no_heading_and_no_tab_is_covered() {
    let mut found = Vec::new();
    for (pixels, is_new) in [([1024.0, 768.0], true), ([1280.0, 800.0], false), ([1920.0, 1080.0], true)] {
        let case = Case { pixels, zoom: 1.0, is_touch: false, is_projector: false, is_new };
        let (_, snapshot) = snapshots().swap_remove(2);
        let mut window = case.open(snapshot);
        window.harness.state_mut().subject = Subject::Scenario(testing::POOL.id);
        window.harness.run_steps(3);
        let splits = |window: &Window| -> Vec<Rect> {
            window.harness.query_all_by_role(Role::Splitter).map(|split| split.rect()).collect()
        };
        let count = splits(&window).len();
        assert_eq!(count, 5, "the list, its card, the actions, the log, the work");
        for (split, end) in (0..count).flat_map(|split| [(split, -2000.0), (split, 2000.0)]) {
            let rect = splits(&window)[split];
            let by = if rect.height() > rect.width() { vec2(end, 0.0) } else { vec2(0.0, end) };
            drag(&mut window, rect.center(), by);
            look(&mut window, &format!("{}, split {split} dragged by {by:?}", case.name()), &mut found);
        }
    }
    assert!(found.is_empty(), "{} faults:\n{}", found.len(), found.join("\n"));
}

/// The rows that a person may be about to click, with their places.
fn rows(window: &Window) -> Vec<(String, Rect)> {
    let nodes = window.harness.root().children_recursive();
    let named = nodes.filter_map(|node| Some((node.accesskit_node().label()?, node.rect())));
    named
        .filter(|(name, _)| name.starts_with("lane ") || name.starts_with("process "))
        .filter_map(|(name, rect)| Some((name.split_once(':')?.0.to_owned(), rect)))
        .collect()
}

#[test]
fn no_row_moves_when_a_notice_comes_goes_or_changes() {
    let wide = [([1280.0, 800.0], Pane::Timeline), ([1024.0, 768.0], Pane::Timeline)];
    let folded = [([900.0, 600.0], Pane::Timeline), ([800.0, 480.0], Pane::Timeline), ([800.0, 480.0], Pane::Processes)];
    for (pixels, pane) in wide.into_iter().chain(folded) {
        let case = Case { pixels, zoom: 1.0, is_touch: false, is_projector: false, is_new: false };
        let mut window = case.open(running_as(testing::POOL.id, |_| {}));
        (window.harness.state_mut().subject, window.harness.state_mut().pane) = (Subject::Scenario(testing::POOL.id), pane);
        window.harness.run_steps(3);
        let before = rows(&window);
        assert!(before.len() >= 4, "{before:?}");
        let check = |window: &Window, what: &str| assert_eq!(rows(window), before, "{}, {pane:?}: {what}", case.name());
        for (what, snapshot) in snapshots().split_off(1) {
            window.show(snapshot);
            check(&window, what);
            window.press(Modifiers::NONE, Key::P);
            check(&window, "paused");
            window.press(Modifiers::NONE, Key::P);
        }
        window.show(running_as(testing::POOL.id, |_| {}));
        if window.has("Guess: One") {
            window.click("Guess: One");
            check(&window, "answered");
            window.click("Guess again");
            check(&window, "taken back");
        }
    }
}

#[test]
fn where_the_answers_do_not_stand_beside_the_question_they_are_a_click_away() {
    let case = Case { pixels: [800.0, 480.0], zoom: 1.75, is_touch: true, is_projector: false, is_new: false };
    let mut window = case.open(running_as(testing::POOL.id, |_| {}));
    window.harness.state_mut().subject = Subject::Scenario(testing::POOL.id);
    window.harness.run_steps(3);
    assert!(!window.has("Guess: All"));
    window.click("Guess");
    assert_eq!(faults(&window.harness), Vec::<String>::new());
    window.click("Guess: All");
    assert!(window.has("Your guess: All"));
}

#[test]
fn every_lesson_has_room_for_its_question_its_answers_and_its_card() {
    let mut found = Vec::new();
    for zoom in [1.0, 1.75] {
        let case = Case { pixels: [800.0, 480.0], zoom, is_touch: false, is_projector: false, is_new: false };
        let mut window = case.open(Snapshot::default());
        window.harness.state_mut().catalogue = CATALOGUE;
        for scenario in CATALOGUE {
            window.harness.state_mut().subject = Subject::Scenario(scenario.id);
            for (what, snapshot) in [("before", Snapshot::default()), ("running", running_as(scenario.id, |_| {}))] {
                window.show(snapshot);
                for pane in [Pane::Library, Pane::Header, Pane::Timeline] {
                    window.harness.state_mut().pane = pane;
                    window.harness.run_steps(2);
                    let faults = faults(&window.harness).into_iter();
                    found.extend(faults.map(|fault| format!("{}, {}, {what}, {pane:?}: {fault}", case.name(), scenario.id)));
                }
            }
            if window.harness.query_by_label("Guess").is_some() {
                window.click("Guess");
                let faults = faults(&window.harness).into_iter();
                found.extend(faults.map(|fault| format!("{}, {}, answers: {fault}", case.name(), scenario.id)));
                window.press(Modifiers::NONE, Key::Escape);
            }
        }
    }
    assert!(found.is_empty(), "{} faults:\n{}", found.len(), found.join("\n"));
}

#[test]
fn nothing_is_covered_or_cut_on_the_touch_display() {
    walk([800.0, 480.0]);
}

#[test]
fn nothing_is_covered_or_cut_at_900_by_600() {
    walk([900.0, 600.0]);
}

#[test]
fn nothing_is_covered_or_cut_on_a_projector() {
    walk([1024.0, 768.0]);
}

#[test]
fn nothing_is_covered_or_cut_at_1280_by_800() {
    walk([1280.0, 800.0]);
}

#[test]
fn nothing_is_covered_or_cut_on_a_large_display() {
    walk([1920.0, 1080.0]);
}
