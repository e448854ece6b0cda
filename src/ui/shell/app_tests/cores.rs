//! The load of the cores beside the lanes: the same time in both.

use egui::{Key, Modifiers};
use egui_kittest::kittest::{NodeT, Queryable};

use super::{Window, finished, running_as};
use crate::model::Snapshot;
use crate::ui::{sample, testing};

/// The time that a text ends with: `… 0.000 s to 2.000 s`, and the like in the words of the whole run.
fn time_of(window: &Window, part: &str) -> String {
    let node = window.harness.query_all_by_label_contains(part).next().expect("it is there");
    let text = node.accesskit_node().label().expect("a name");
    let text = text.trim_end_matches(" are in sight");
    let words: Vec<&str> = text.split(' ').collect();
    words[words.len() - 5..].join(" ")
}

#[test]
fn the_cores_load_is_on_the_axis_of_the_lanes_as_they_move_and_without_lanes_the_last_minute() {
    let mut window = Window::open(Snapshot { system: sample::system(4), ..Snapshot::default() });
    assert!(window.has("CPU per core, 60 s") && !window.has("as in the lanes"));
    window.show(finished());
    for change in ["", "Zoom in", "Zoom in", "Zoom out", "Show all of the run"] {
        if !change.is_empty() {
            window.click(change);
        }
        assert!(window.has("as in the lanes") && !window.has("CPU per core, 60 s"), "{change}");
        assert_eq!(time_of(&window, " % from "), time_of(&window, "are in sight"), "{change}");
    }
    window.press(Modifiers::CTRL | Modifiers::SHIFT, Key::P);
    window.harness.run_steps(3);
    assert_eq!(time_of(&window, "core 0: "), time_of(&window, "are in sight"));
    window.show(running_as(testing::FORK.id, |run| run.lanes.clear()));
    assert!(window.has("core 0: ") && !window.has(" % from "), "without lanes there is no such axis");
}
