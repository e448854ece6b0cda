//! The bar at the top: where one is, Start and Stop, the language, and what all of it costs. UI thread.

use egui::{Align, Layout, RichText, Ui, vec2};

use crate::model::{Language, RunState, RunView, Snapshot};
use crate::scenario::Scenario;
use crate::ui::ask::actions::{Actions, UiAction};
use crate::ui::ask::commands::UiCommand;
use crate::ui::look::foreign;
use crate::ui::look::theme::{self, palette};
use crate::ui::look::widgets;

/// The contents of the bar.
#[derive(Debug)]
pub struct TopBar<'a> {
    /// The newest snapshot.
    pub live: &'a Snapshot,
    /// The run that is looked at.
    pub run: Option<&'a RunView>,
    /// The scenario that is looked at.
    pub scenario: Option<&'static Scenario>,
    /// The chosen language.
    pub language: Language,
    /// Whether step mode is on.
    pub is_stepping: bool,
    /// Whether the display is held still.
    pub is_paused: bool,
    /// Milliseconds that the last frames took to draw.
    pub frame_millis: f32,
}

/// Distance of the buttons from the left edge in a wide window, in points.
const BUTTONS: f32 = 300.0;
/// The name of the program alone.
const NAME: f32 = 92.0;
/// Space for what runs, and what that costs.
const STATUS: f32 = 214.0;

/// The parts of the bar that fit into its width besides the buttons.
#[derive(Debug, Clone, Copy)]
struct BarWidth {
    /// Buttons say what they do; else the shorter ones must be enough.
    words: bool,
    /// The runs, and their cost.
    status: bool,
    /// The path to the subject, so wide; the name of the program alone where that is narrower.
    place: f32,
}

impl BarWidth {
    fn of(width: f32, is_touch: bool) -> Self {
        let buttons = if is_touch { 630.0 } else { 590.0 };
        let words = width >= buttons;
        let rest = (width - buttons).max(0.0);
        let status = rest >= STATUS + NAME;
        let place = (rest - if status { STATUS + 8.0 } else { 0.0 }).min(BUTTONS);
        Self { words, status, place: if place < NAME { 0.0 } else { place } }
    }
}

/// Whether a run can still be ended.
pub fn is_active(run: &RunView) -> bool {
    !matches!(run.state, RunState::Finished(_))
}

impl TopBar<'_> {
    /// Draws the bar.
    pub fn ui(&self, ui: &mut Ui, actions: &mut Actions) {
        let bar = BarWidth::of(ui.available_width(), theme::is_touch(ui));
        if !bar.words {
            ui.spacing_mut().button_padding.x = 4.0;
            ui.spacing_mut().item_spacing.x = 5.0;
        }
        ui.horizontal_centered(|ui| {
            // The Start button has its place, however long the name of the chapter is.
            if bar.place > 0.0 {
                let size = vec2(bar.place - ui.spacing().item_spacing.x, 26.0);
                ui.allocate_ui_with_layout(size, Layout::left_to_right(Align::Center), |ui| {
                    ui.set_min_width(size.x);
                    self.place_ui(ui);
                });
            }
            self.start_button(ui, bar, actions);
            self.step_button(ui, bar, actions);
            let (pause, width) = match (bar.words, self.is_paused) {
                (true, true) => ("▶ Resume", 86.0),
                (true, false) => ("⏸ Pause", 86.0),
                (false, true) => ("▶", 28.0),
                (false, false) => ("⏸", 28.0),
            };
            let pause = ui.add(egui::Button::new(pause).selected(self.is_paused).min_size(widgets::hit_size(ui, width, 26.0)));
            let pause = pause.accessible_name("Pause the display").on_hover_text(UiCommand::PauseDisplay.hint(ui.ctx()));
            if pause.clicked() {
                actions.command(UiCommand::PauseDisplay);
            }
            self.language_switch(ui, bar, actions);
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| self.right(ui, bar, actions));
        });
    }

    /// The path to the subject: the program, the chapter and the lesson, or as much of that as there is room for.
    fn place_ui(&self, ui: &mut Ui) {
        let colors = palette(ui);
        let (chapter, title) = match (self.scenario, self.run) {
            (Some(scenario), _) => (scenario.chapter.title(), scenario.title),
            (None, Some(run)) => ("Mine", run.title.as_str()),
            (None, None) => ("Mine", "Run a program"),
        };
        let title = foreign::line(title);
        if ui.available_width() < NAME + 100.0 {
            let title = theme::bold(&*title).size(13.0);
            ui.add(egui::Label::new(title).truncate()).on_hover_text(format!("Task Lab  ›  {chapter}"));
            return;
        }
        ui.label(theme::bold("Task Lab").size(16.0));
        ui.add_space(ui.spacing().item_spacing.x);
        let path = RichText::new(format!("{chapter}  ›  {title}")).size(12.0).color(colors.weak);
        ui.add(egui::Label::new(path).truncate());
    }

    fn start_button(&self, ui: &mut Ui, bar: BarWidth, actions: &mut Actions) {
        let colors = palette(ui);
        let size = widgets::hit_size(ui, if bar.words { 84.0 } else { 62.0 }, 26.0);
        let (text, name, tone, ink) = match self.run.filter(|run| is_active(run)) {
            Some(_) => ("■ Stop", "Stop", colors.red, colors.red.ink),
            None => ("▶ Start", "Start", colors.green, colors.text),
        };
        let button = widgets::tinted_button(ui, text, tone, ink, size).accessible_name(name);
        if button.on_hover_text(UiCommand::StartStop.hint(ui.ctx())).clicked() {
            actions.command(UiCommand::StartStop);
        }
    }

    fn step_button(&self, ui: &mut Ui, bar: BarWidth, actions: &mut Actions) {
        let has_gates = crate::ui::panes::step::has_gates(self.scenario, self.run);
        let about = if self.is_stepping {
            "Lets all tasks go on by themselves again."
        } else {
            "Step mode: before each operation on a lock, a queue and the like a task waits at a gate, until you let it go on."
        };
        let size = widgets::hit_size(ui, if bar.words { 52.0 } else { 40.0 }, 26.0);
        let button = egui::Button::new("Step").selected(self.is_stepping).min_size(size);
        let response = ui.add_enabled(has_gates, button).accessible_name("Step mode").on_hover_text(about);
        if response.on_disabled_hover_text("This scenario has no gates at which a task could wait.").clicked() {
            actions.push(UiAction::Step);
        }
    }

    fn language_switch(&self, ui: &mut Ui, bar: BarWidth, actions: &mut Actions) {
        let colors = palette(ui);
        let size = widgets::hit_size(ui, if bar.words { 136.0 } else { 112.0 }, 26.0);
        let (pill, _) = ui.allocate_exact_size(size, egui::Sense::hover());
        ui.painter().rect(pill, size.y / 2.0, colors.pane, (1.0, colors.line), egui::StrokeKind::Inside);
        let half = vec2(size.x / 2.0 - 1.0, size.y - 2.0);
        // The halves have their widths; more room beside the words would break them.
        let padding = std::mem::replace(&mut ui.spacing_mut().button_padding.x, 2.0);
        for (index, (language, text, name)) in
            [(Language::Rust, "Rust", "as Rust"), (Language::Python, "Python", "as Python")].into_iter().enumerate()
        {
            let is_chosen = self.language == language;
            let place = egui::Rect::from_min_size(pill.min + vec2(1.0 + half.x * index as f32, 1.0), half);
            let label = if is_chosen { theme::bold(text).color(colors.text) } else { RichText::new(text).color(colors.weak) };
            let fill = if is_chosen { colors.hovered } else { egui::Color32::TRANSPARENT };
            let button = egui::Button::new(label).fill(fill).stroke(egui::Stroke::NONE).corner_radius(12).selected(is_chosen);
            let response = ui.put(place, button).accessible_name(name);
            if response.on_hover_text(format!("The next Start runs it {name}.")).clicked() {
                actions.push(UiAction::Speak(language));
            }
        }
        ui.spacing_mut().button_padding.x = padding;
    }

    fn right(&self, ui: &mut Ui, bar: BarWidth, actions: &mut Actions) {
        let colors = palette(ui);
        for (command, text) in [(UiCommand::Help, "?"), (UiCommand::Settings, "⚙")] {
            let size = widgets::hit_size(ui, if theme::is_touch(ui) { 34.0 } else { 26.0 }, 26.0);
            let button = ui.add(egui::Button::new(text).min_size(size)).accessible_name(command.text());
            if button.on_hover_text(command.hint(ui.ctx())).clicked() {
                actions.command(command);
            }
        }
        let running = self.live.runs.iter().filter(|run| is_active(run)).count();
        if bar.status {
            ui.allocate_ui_with_layout(vec2(STATUS, 34.0), Layout::top_down(Align::Min), |ui| {
                ui.spacing_mut().item_spacing.y = 1.0;
                let processes: usize = self.live.runs.iter().filter(|run| is_active(run)).map(|run| alive(run)).sum();
                let plural = if processes == 1 { "process" } else { "processes" };
                ui.label(RichText::new(format!("{running} running, {processes} {plural}")).size(11.0).color(colors.weak));
                let cost = format!("own cost {:.1} % CPU · {:.1} ms a frame", self.live.system.own_cpu, self.frame_millis);
                ui.add(egui::Label::new(RichText::new(cost).size(10.0).color(colors.weak)).truncate());
            });
        }
        ui.add_enabled_ui(running > 0, |ui| {
            let (tone, ink) = (colors.red, colors.red.ink);
            let text = if bar.words { "■ Stop everything" } else { "■ All" };
            let size = widgets::hit_size(ui, if bar.words { 138.0 } else { 50.0 }, 26.0);
            let button = widgets::tinted_button(ui, text, tone, ink, size).accessible_name("Stop everything");
            if button.on_hover_text(UiCommand::StopEverything.hint(ui.ctx())).clicked() {
                actions.command(UiCommand::StopEverything);
            }
        });
    }
}

fn alive(run: &RunView) -> usize {
    run.processes.iter().filter(|process| process.status.is_none()).count()
}

#[cfg(test)]
mod tests {
    use egui_kittest::{Harness, kittest::Queryable};

    use super::*;
    use crate::ui::{sample, testing};

    fn show(snapshot: Snapshot) -> Harness<'static, Actions> {
        testing::view(1280.0, 44.0, Actions::default(), move |ui, actions| {
            let run = snapshot.runs.last().map(std::convert::AsRef::as_ref);
            let scenario = Some(&testing::POOL);
            let bar = TopBar {
                live: &snapshot,
                run,
                scenario,
                language: Language::Rust,
                is_stepping: false,
                is_paused: false,
                frame_millis: 1.3,
            };
            bar.ui(ui, actions);
        })
    }

    fn asked(harness: &mut Harness<'_, Actions>, button: &str) -> String {
        harness.get_by_label(button).click();
        harness.run();
        harness.state_mut().take().first().map(|action| format!("{action:?}")).unwrap_or_default()
    }

    #[test]
    fn the_language_that_is_chosen_stands_in_one_line_on_a_touch_screen() {
        for width in [800.0, 560.0] {
            let snapshot = Snapshot::default();
            let mut harness = testing::view(width, 44.0, Actions::default(), move |ui, actions| {
                crate::ui::look::theme::apply(ui.ctx(), crate::ui::look::theme::ThemeChoice::Dark, true);
                let (language, scenario) = (Language::Python, Some(&testing::POOL));
                let live = &snapshot;
                TopBar { live, run: None, scenario, language, is_stepping: false, is_paused: false, frame_millis: 1.3 }
                    .ui(ui, actions);
            });
            harness.run_steps(3);
            let shapes = harness.output().shapes.iter().map(|clipped| &clipped.shape);
            let texts = shapes.filter_map(|shape| if let egui::Shape::Text(text) = shape { Some(&text.galley) } else { None });
            let rows: Vec<usize> = texts.filter(|text| text.text() == "Python").map(|text| text.rows.len()).collect();
            assert_eq!(rows, [1], "{width} points wide");
        }
    }

    #[test]
    fn one_button_starts_and_stops() {
        let mut harness = show(Snapshot::default());
        harness.get_by_label_contains("Pools, queues, futures");
        assert_eq!(asked(&mut harness, "Start"), "Command(StartStop)");
        assert_eq!(asked(&mut harness, "as Python"), "Speak(Python)");
        assert_eq!(asked(&mut harness, "Stop everything"), "", "nothing runs");
    }

    #[test]
    fn what_runs_is_counted_and_can_be_stopped() {
        let mut harness = show(sample::snapshot(2000));
        harness.get_by_label("1 running, 1800 processes");
        assert_eq!(asked(&mut harness, "Stop"), "Command(StartStop)");
        assert_eq!(asked(&mut harness, "Stop everything"), "Command(StopEverything)");
    }
}
