//! Names, values and arguments that nobody would choose, in the whole window: none is laid out whole, and none covers the window.

use std::collections::HashSet;
use std::sync::Arc;

use egui::epaint::ClippedShape;
use egui::{Pos2, Shape};
use egui_kittest::kittest::NodeT;

use super::{Window, running_as};
use crate::model::{Finished, LogEntry, Outcome, Progress, RunFinding, RunState, RunView, Snapshot, TaskState};
use crate::ui::ask::parts::{Pane, Tab};
use crate::ui::ask::selection::Subject;
use crate::ui::shell::settings::Preferences;
use crate::ui::{sample, testing};

/// Letters of each foreign text: a child's arguments can be as many.
const LETTERS: usize = 60_000;
/// Letters of the longest text that is laid out.
const MOST: usize = 5_000;

/// Everything that a body or a program can say, as bad as it can be.
fn monstrous(id: &'static str, is_over: bool) -> Snapshot {
    let text = |name: &str| format!("{name}\n\x1b[31m{}", "long \u{202e}".repeat(LETTERS / 6));
    let mut snapshot = running_as(id, |run: &mut RunView| {
        run.title = text("title");
        for process in &mut run.processes {
            process.name = text("name");
            process.command = text("command").into();
            for thread in &mut process.threads {
                (thread.name, thread.waits_for) = (text("thread"), text("reason"));
            }
        }
        for lane in &mut run.lanes {
            let mut segment = sample::segment(0.0, None, TaskState::Waiting, &text("lock "));
            segment.held_by = Some(text("holder").into());
            let pieces = [sample::segment(0.0, Some(1.0), TaskState::Running, &text("note")), segment];
            *lane = sample::told_lane(lane.id.number(), &text("lane"), 4712, &pieces);
            std::sync::Arc::make_mut(lane).line = Some(1);
        }
        for output in &mut run.outputs {
            output.name = text("writer");
            output.tail = "x".repeat(64 * 1024).into();
            output.dropped = u64::MAX / 2;
        }
        for fact in &mut run.facts {
            (fact.claim, fact.expected, fact.observed) = (text("claim"), text("expected").into(), text("observed").into());
            fact.id = testing::FORK.prediction.fact.to_owned();
        }
        let values = (0..3).map(|number| (format!("{number} {}", text("value")), text("is").into()));
        run.values = values.chain([("step".to_owned(), "on".into())]).collect();
        run.log = run.log.iter().map(|entry| LogEntry { text: text("log").into(), ..*entry }).collect();
        let tasks = vec![run.lanes[0].name.to_string()];
        run.findings = vec![RunFinding { id: "deadlock".to_owned(), text: text("finding"), tasks, is_over: false }];
        if is_over {
            run.state =
                RunState::Finished(Finished { outcome: Outcome::Passed, elapsed_s: 1.5, processes_left: 0, reason: None });
        }
    });
    let mut board = sample::board();
    for pin in board.pins.iter_mut().filter(|pin| pin.function.is_output()) {
        (pin.owner, pin.note) = (Some(text("owner")), Some(text("note")));
    }
    snapshot.board = Arc::new(board);
    snapshot.notices = (1..5).map(|number| (number, text("notice").into())).collect();
    let mut comparison = sample::comparison();
    comparison.scenario = id.to_owned();
    comparison.progress = Progress::Stopped(text("why"));
    comparison.variants.iter_mut().for_each(|variant| variant.label = text("variant"));
    snapshot.comparison = Some(Arc::new(comparison));
    snapshot.trouble = Some(text("trouble"));
    snapshot
}

/// The texts that were painted.
fn texts(shapes: &[ClippedShape]) -> Vec<Arc<egui::Galley>> {
    fn of(shape: &Shape, found: &mut Vec<Arc<egui::Galley>>) {
        match shape {
            Shape::Text(text) => found.push(Arc::clone(&text.galley)),
            Shape::Vec(shapes) => shapes.iter().for_each(|shape| of(shape, found)),
            _ => {}
        }
    }
    let mut found = Vec::new();
    for shape in shapes {
        of(&shape.shape, &mut found);
    }
    found
}

/// Nothing that is drawn or said is long, and nothing of it is a control character.
fn check(window: &Window, what: &str) {
    for galley in texts(&window.harness.output().shapes) {
        let text = galley.text();
        let start: String = text.chars().take(60).collect();
        assert!(text.chars().count() <= MOST, "{what}: {} letters are drawn: {start:?}", text.len());
        assert!(text.chars().all(|c| c == '\n' || !c.is_control()), "{what}: a control character is drawn: {start:?}");
    }
    for node in window.harness.root().children_recursive() {
        let node = node.accesskit_node();
        for text in [node.label(), node.value(), node.description()].into_iter().flatten() {
            let start: String = text.chars().take(60).collect();
            assert!(text.chars().count() <= MOST, "{what}: {} letters are said: {start:?}", text.len());
        }
    }
}

/// Rests the pointer on each widget. Its tooltip is bounded, and leaves half of the window free.
fn hover_all(window: &mut Window, what: &str) {
    window.harness.ctx.all_styles_mut(|style| {
        style.interaction.tooltip_delay = 0.0;
        style.interaction.show_tooltips_only_when_still = false;
    });
    let screen = window.harness.ctx.content_rect();
    let places: HashSet<(i32, i32)> = window
        .harness
        .root()
        .children_recursive()
        .filter_map(|node| node.accesskit_node().bounding_box())
        .map(|rect| {
            let corner = |x: f64, y: f64| Pos2::new(x as f32, y as f32);
            egui::Rect::from_min_max(corner(rect.x0, rect.y0), corner(rect.x1, rect.y1)).intersect(screen)
        })
        .filter(|rect| rect.is_positive() && rect.area() < screen.area() / 4.0)
        .map(|rect| (rect.center().x as i32, rect.center().y as i32))
        .collect();
    assert!(places.len() > 10, "{what}: {} widgets", places.len());
    for (x, y) in places {
        window.harness.hover_at(Pos2::new(x as f32, y as f32));
        window.harness.run_steps(2);
        check(window, &format!("{what}, pointer at {x}, {y}"));
        let tips = window.harness.ctx.memory(|memory| {
            memory
                .layer_ids()
                .filter(|layer| layer.order == egui::Order::Tooltip)
                .filter_map(|layer| memory.area_rect(layer.id))
                .collect::<Vec<_>>()
        });
        for tip in tips {
            assert!(tip.area() < screen.area() / 2.0, "{what}: the tooltip at {x}, {y} is {:?}", tip.size());
        }
    }
    window.harness.remove_cursor();
}

/// The window with all of that, on a pane and a tab of it, a thread selected.
fn open(size: (f32, f32), id: &'static str, is_over: bool, tab: Tab, pane: Pane) -> Window {
    let snapshot = monstrous(id, is_over);
    let (run, process) = (snapshot.runs[0].id, snapshot.runs[0].processes[0].clone());
    let preferences = Preferences { tab, scenario: id.to_owned(), ..Preferences::settled() };
    let mut window = Window::with(snapshot, size, 8, preferences);
    let app = window.harness.state_mut();
    (app.selection, app.pane) = (Some((process.pid, Some(process.threads[1].tid))), pane);
    if id.is_empty() {
        app.subject = Subject::Programs(Some(run));
    }
    window.harness.run_steps(2);
    window
}

const WIDE: (f32, f32) = (1280.0, 800.0);
const SMALL: (f32, f32) = (800.0, 480.0);
const TABS: [Tab; 4] = [Tab::Output, Tab::Facts, Tab::Compare, Tab::Code];

#[test]
fn no_text_of_others_is_laid_out_whole() {
    for (id, is_over) in [(testing::FORK.id, false), (testing::POOL.id, true), ("", false)] {
        for tab in TABS {
            let window = open(WIDE, id, is_over, tab, Pane::Timeline);
            assert!(window.has("notice") && window.has("trouble"));
            check(&window, &format!("scenario {id:?}, {tab:?}"));
        }
        for pane in Pane::ALL {
            check(&open(SMALL, id, is_over, Tab::Output, pane), &format!("small, scenario {id:?}, {pane:?}"));
        }
    }
}

#[test]
fn no_text_of_others_covers_the_window_under_the_pointer() {
    hover_all(&mut open(WIDE, testing::FORK.id, false, Tab::Facts, Pane::Timeline), "wide");
    for pane in [Pane::Timeline, Pane::Processes, Pane::Log] {
        hover_all(&mut open(SMALL, "", false, Tab::Output, pane), &format!("small, {pane:?}"));
    }
}
