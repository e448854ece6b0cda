//! The code of the shown scenario, the Rust body or its Python twin as it is compiled in, or of a Python program of the user's, and where its
//! tasks are. UI thread; reads no file.

use std::borrow::Cow;
use std::collections::BTreeMap;

use egui::text::{LayoutJob, LayoutSection};
use egui::{Rect, RichText, Role, ScrollArea, Ui, pos2, vec2};
use egui_extras::syntax_highlighting::{CodeTheme, highlight};
use serde_json::Value;

use crate::model::{Lane, Language, RunId, RunView};
use crate::scenario::Scenario;
use crate::ui::look::foreign;
use crate::ui::look::states::{self, Look, StateView};
use crate::ui::look::theme::{self, palette};
use crate::ui::look::widgets;

/// The lines of the code that was shown last, coloured.
#[derive(Debug, Default)]
pub struct Code {
    shown: Option<Shown>,
    lines: Vec<LayoutJob>,
    /// Characters of the longest line.
    widest: usize,
    /// The task whose line is kept in sight, and the line where it was last.
    followed: Option<(String, u32)>,
    /// A line that is to come into sight.
    wanted: Option<u32>,
}

/// What the lines depend on.
#[derive(Debug, PartialEq)]
struct Shown {
    code: CodeOf,
    params: BTreeMap<String, Value>,
    is_dark: bool,
}

/// Whose code it is: a lesson's in a language, or the script of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum CodeOf {
    Lesson(&'static str, Language),
    Run(RunId),
}

/// Tasks that are shown on their lines; more could not be told apart.
const MOST_MARKS: usize = 200;
/// Names that fit at the end of a line.
const MOST_NAMES: usize = 4;

/// The tasks in each line.
type Marks<'a> = BTreeMap<u32, Vec<Marked<'a>>>;

/// A task in a line: its place among the lanes, its name, and how it is.
struct Marked<'a> {
    place: usize,
    name: &'a str,
    view: StateView,
}

const ROW: f32 = 16.0;
const SIZE: f32 = 12.0;

impl Code {
    /// Keeps the line of a task in sight from now on. Whether it has told of one.
    pub fn follow(&mut self, lane: &Lane) -> bool {
        let line = lane.line.or(lane.start_line);
        self.wanted = line;
        self.followed = line.map(|line| (lane.name.to_string(), line));
        line.is_some()
    }

    /// Shows where a task starts, and keeps it in sight as it goes on. Whether it has told of a line.
    pub fn show_start(&mut self, lane: &Lane) -> bool {
        let is_known = self.follow(lane);
        self.wanted = lane.start_line.or(self.wanted);
        is_known || lane.start_line.is_some()
    }

    /// Draws the code of a scenario in the language that is chosen, or the script of a program of the user's, with the tasks of the run on
    /// their lines. It opens where the lesson's own work begins. `params` are those that the next run would have.
    pub fn ui(
        &mut self,
        ui: &mut Ui,
        scenario: Option<&'static Scenario>,
        language: Language,
        params: &BTreeMap<String, Value>,
        run: Option<&RunView>,
    ) {
        let script = run.and_then(|run| Some((run.id, run.source.as_deref()?)));
        let (code, run) = match (scenario, script) {
            (Some(scenario), _) => {
                let of_it = run.filter(|run| run.language == language && run.scenario == scenario.id);
                (CodeOf::Lesson(scenario.id, language), of_it)
            }
            (None, Some((id, _))) => (CodeOf::Run(id), run),
            (None, None) => {
                widgets::nothing_yet(
                    ui,
                    "The script of a Python program of yours, once it runs; of other programs there is no code here.",
                );
                return;
            }
        };
        let params = run.map_or(params, |run| &run.params);
        let is_dark = ui.visuals().dark_mode;
        let is_shown = |shown: &Shown| (shown.code, &shown.params, shown.is_dark) == (code, params, is_dark);
        let mut area = ScrollArea::both().scroll_source(widgets::scroll_source(ui)).id_salt(("code", code)).auto_shrink(false);
        if !self.shown.as_ref().is_some_and(is_shown) {
            let (text, name): (Cow<'_, str>, _) = match (scenario, script) {
                (Some(scenario), _) if language == Language::Python => (scenario.python_with(params).into(), "py"),
                (Some(scenario), _) => (scenario.rust.into(), "rs"),
                (None, script) => (script.map_or("", |(_, script)| &script.text).into(), "py"),
            };
            self.cut(ui, &text, name);
            // A setting that has changed is no reason to look at another place.
            if self.shown.as_ref().is_none_or(|shown| shown.code != code) {
                area = area.scroll_offset(egui::vec2(0.0, first_line(&text) as f32 * ROW));
            }
            self.shown = Some(Shown { code, params: params.clone(), is_dark });
        }
        let marks = marks(run);
        let start = self.start_of_followed(run);
        self.keep_in_sight(run);
        if let Some(line) = self.wanted.take() {
            let above = (ui.available_height() / ROW / 2.5).floor();
            area = area.vertical_scroll_offset(((line as f32 - above) * ROW).max(0.0));
        }
        let weak = palette(ui).weak;
        let letter = SIZE * 0.603;
        let digits = self.lines.len().to_string().len();
        ui.spacing_mut().item_spacing = egui::vec2(8.0, 0.0);
        ui.spacing_mut().interact_size.y = ROW;
        area.show_rows(ui, ROW, self.lines.len(), |ui, range| {
            ui.set_min_width((self.widest + digits + 2) as f32 * letter);
            for index in range {
                let tasks = marks.get(&(index as u32 + 1)).map_or(&[][..], Vec::as_slice);
                let left = ui.clip_rect().left();
                ui.horizontal(|ui| {
                    ui.set_height(ROW);
                    let starter = start.filter(|(_, line)| *line == index as u32 + 1).map(|(name, _)| name);
                    let row = row_of(ui, left);
                    mark(ui, row, tasks, starter);
                    let number = RichText::new(format!("{:>digits$}", index + 1)).monospace().size(SIZE).color(weak);
                    ui.add(egui::Label::new(number).selectable(false).extend());
                    ui.add(egui::Label::new(self.lines[index].clone()).extend());
                    // Over the code, which is longer than the line is wide.
                    write_names(ui, row, index + 1, tasks, starter);
                });
            }
        });
    }

    /// The task that is looked at, and the line that started it.
    fn start_of_followed<'a>(&self, run: Option<&'a RunView>) -> Option<(&'a str, u32)> {
        let (name, _) = self.followed.as_ref()?;
        let lane = run?.lanes.iter().find(|lane| *lane.name == **name)?;
        Some((&lane.name, lane.start_line?))
    }

    /// The line that the followed task has gone to.
    fn keep_in_sight(&mut self, run: Option<&RunView>) {
        let Some((name, at)) = &mut self.followed else { return };
        let lane = run.and_then(|run| run.lanes.iter().find(|lane| *lane.name == **name));
        if let Some(line) = lane.and_then(|lane| lane.line).filter(|line| line != at) {
            *at = line;
            self.wanted = Some(line);
        }
    }

    /// Colours the text and cuts it into lines, once a text and theme.
    fn cut(&mut self, ui: &Ui, text: &str, name: &str) {
        let theme = if ui.visuals().dark_mode { CodeTheme::dark(SIZE) } else { CodeTheme::light(SIZE) };
        let whole = highlight(ui.ctx(), ui.style(), &theme, text, name);
        let pane = palette(ui).pane;
        self.lines.clear();
        self.widest = 0;
        let mut sections = whole.sections.iter().peekable();
        let mut start = 0;
        for line in text.split_inclusive('\n') {
            let end = start + line.len();
            let bare = line.trim_end_matches('\n');
            let mut job = LayoutJob { text: bare.to_owned(), ..LayoutJob::default() };
            while let Some(section) = sections.peek() {
                let range = section.byte_range.start.0.max(start)..section.byte_range.end.0.min(start + bare.len());
                if range.start < range.end {
                    let byte_range = (range.start - start).into()..(range.end - start).into();
                    let mut format = section.format.clone();
                    format.color = theme::readable(format.color, pane);
                    job.sections.push(LayoutSection { byte_range, leading_space: 0.0, format });
                }
                if section.byte_range.end.0 > end {
                    break;
                }
                sections.next();
            }
            self.widest = self.widest.max(bare.chars().count());
            self.lines.push(job);
            start = end;
        }
    }
}

/// The tasks that have not ended, by the lines where they are.
fn marks(run: Option<&RunView>) -> Marks<'_> {
    let mut marks = Marks::new();
    let lanes = run.map_or(&[][..], |run| &run.lanes).iter().enumerate();
    let views = lanes
        .filter(|(_, lane)| !lane.has_ended() && run.is_some_and(|run| is_in_code(run, lane)))
        .map(|(place, lane)| (place, lane, states::of_lane(lane)));
    let living = views.filter(|(.., view)| !matches!(view.look, Look::Done | Look::Failed | Look::Zombie));
    for (place, lane, view) in living.take(MOST_MARKS) {
        if let Some(line) = lane.line {
            marks.entry(line).or_default().push(Marked { place, name: &lane.name, view });
        }
    }
    marks
}

/// Whether the line of a lane is one of the code: a process that a program has started may execute another script.
fn is_in_code(run: &RunView, lane: &Lane) -> bool {
    let Some(script) = &run.source else { return true };
    let name = script.file.rsplit('/').next().unwrap_or_default();
    let process = run.processes.iter().find(|process| process.pid == lane.pid);
    let is_it = |word: &str| word.rsplit('/').next() == Some(name);
    process.is_none_or(|process| process.command.split_whitespace().any(is_it) || process.command.contains("multiprocessing"))
}

/// The whole line that is drawn now, however far it is scrolled.
fn row_of(ui: &Ui, left: f32) -> Rect {
    let top = ui.max_rect().top();
    Rect::from_min_max(pos2(left, top), pos2(ui.clip_rect().right(), top + ROW))
}

/// Marks a line with the colour of each task that is there, or as the one that started a task which is looked at.
fn mark(ui: &Ui, row: Rect, tasks: &[Marked<'_>], starter: Option<&str>) {
    let colors = palette(ui);
    match tasks.first() {
        Some(first) => ui.painter().rect_filled(row, 2.0, colors.series(first.place).surface),
        None if starter.is_some() => ui.painter().rect_filled(row, 2.0, colors.selected),
        None => return,
    };
    for (index, task) in tasks.iter().enumerate().take(MOST_NAMES) {
        let bar = Rect::from_min_size(row.min + vec2(index as f32 * 3.0, 0.0), vec2(3.0, ROW));
        ui.painter().rect_filled(bar, 0.0, colors.series(task.place).strong);
    }
}

/// Writes at the end of a line which tasks are there and how they are, or which one starts there.
fn write_names(ui: &mut Ui, row: Rect, line: usize, tasks: &[Marked<'_>], starter: Option<&str>) {
    let colors = palette(ui);
    let (text, ink, surface) = match (tasks.first(), starter) {
        (Some(first), _) => {
            let name = |task: &Marked<'_>| format!("{} {}", task.view.look.glyph(), foreign::word(task.name));
            let names: Vec<_> = tasks.iter().take(MOST_NAMES).map(name).collect();
            let more = if tasks.len() > MOST_NAMES { format!(" and {} more", tasks.len() - MOST_NAMES) } else { String::new() };
            let tone = colors.series(first.place);
            (format!("{}{more}", names.join(", ")), tone.ink, tone.surface)
        }
        (None, Some(name)) => (format!("{} starts here", foreign::word(name)), colors.text, colors.selected),
        (None, None) => return,
    };
    let lay_out = |text: String| ui.painter().layout_no_wrap(text, theme::bold_font(10.5), ink);
    let mut galley = lay_out(text.clone());
    // The code is what is read; names that would cover it are counted instead.
    if galley.size().x > row.width() * 0.4 && tasks.len() > 1 {
        galley = lay_out(format!("{} tasks", tasks.len()));
    }
    let at = Rect::from_min_max(pos2(row.right() - galley.size().x - 12.0, row.top()), pos2(row.right() - 6.0, row.bottom()));
    ui.painter().rect_filled(at.expand2(vec2(4.0, 0.0)), 2.0, colors.background);
    ui.painter().rect_filled(at.expand2(vec2(4.0, 0.0)), 2.0, surface);
    ui.painter().galley(pos2(at.left(), at.center().y - galley.size().y / 2.0), galley, ink);
    let states: Vec<_> = tasks.iter().take(MOST_NAMES).map(|task| format!("{}: {}", task.name, task.view.words())).collect();
    let described = if states.is_empty() { text } else { states.join("; ") };
    widgets::describe(ui, row, ("mark", line), Role::Label, &format!("line {line}: {described}"));
}

/// The line where the lesson's own work begins: the body of a Rust scenario, the first line of a plain Python one, else its first function.
fn first_line(text: &str) -> usize {
    let starts = |word: &str| text.lines().position(|line| line.starts_with(word));
    let first_function = || starts("import tasklab").and_then(|_| starts("def "));
    starts("pub(super) fn run(").or_else(first_function).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use egui_kittest::kittest::Queryable;

    use super::*;
    use crate::ui::{sample, testing};

    fn show(scenario: Option<&'static Scenario>, language: Language) -> egui_kittest::Harness<'static, Code> {
        testing::view(400.0, 200.0, Code::default(), move |ui, code| code.ui(ui, scenario, language, &BTreeMap::new(), None))
    }

    fn at_lines(lines: &[(&str, u32)]) -> RunView {
        let mut run = sample::run(1, testing::POOL.id);
        let lane = sample::kernel_lane(4712, "", 4712, &[(0.0, crate::model::LaneState::OnCore, 0)]);
        let at = |(name, line): &(&str, u32)| Lane { name: (*name).into(), line: Some(*line), ..lane.clone() };
        run.lanes = lines.iter().map(|line| at(line).into()).collect();
        run
    }

    #[test]
    fn the_line_that_a_task_runs_is_marked_with_all_who_are_there() {
        let run = at_lines(&[("worker-1", 2), ("worker-2", 2), ("main", 1)]);
        let draw = move |language| {
            let run = run.clone();
            testing::view(400.0, 200.0, Code::default(), move |ui, code| {
                code.ui(ui, Some(&testing::POOL), language, &BTreeMap::new(), Some(&run));
            })
        };
        let harness = draw(Language::Rust);
        harness.get_by_label("line 2: worker-1: on core 0; worker-2: on core 0");
        harness.get_by_label("line 1: main: on core 0");
        assert!(draw(Language::Python).query_by_label_contains("line 2").is_none(), "the run is the Rust body");
    }

    #[test]
    fn a_followed_task_is_kept_in_sight_as_it_goes_on() {
        let mut code = Code::default();
        let first = at_lines(&[("worker-1", 2)]);
        assert!(code.follow(&first.lanes[0]));
        assert_eq!(code.wanted.take(), Some(2));
        code.keep_in_sight(Some(&first));
        assert_eq!(code.wanted, None, "it is where it was");
        code.keep_in_sight(Some(&at_lines(&[("worker-1", 40)])));
        assert_eq!(code.wanted, Some(40));
        assert!(!code.follow(&Lane { line: None, ..(*first.lanes[0]).clone() }), "a task that tells of no line");
    }

    #[test]
    fn a_task_is_shown_where_it_starts_and_then_where_it_is() {
        let mut run = at_lines(&[("worker-1", 3)]);
        std::sync::Arc::make_mut(&mut run.lanes[0]).start_line = Some(2);
        let mut code = Code::default();
        assert!(code.show_start(&run.lanes[0]));
        assert_eq!(code.wanted, Some(2));
        let harness = testing::view(400.0, 200.0, code, move |ui, code| {
            code.ui(ui, Some(&testing::POOL), Language::Rust, &BTreeMap::new(), Some(&run));
        });
        harness.get_by_label("line 2: worker-1 starts here");
        harness.get_by_label("line 3: worker-1: on core 0");
    }

    #[test]
    fn the_code_follows_the_language_and_a_program_has_none() {
        show(Some(&testing::POOL), Language::Python).get_by_label("def work():");
        show(Some(&testing::POOL), Language::Rust).get_by_label_contains("println!");
        show(None, Language::Program).get_by_label_contains("program of yours");
    }

    #[test]
    fn the_script_of_a_program_of_ones_own_is_shown_with_the_tasks_that_execute_it() {
        let mut run = at_lines(&[("main", 2), ("sort", 1)]);
        for (lane, (pid, command)) in
            run.lanes.iter_mut().zip([(4711, "python3 greenhouse.py"), (4799, "python3 their_greenhouse.py")])
        {
            let process = crate::model::ProcessRow { command: command.into(), ..sample::process(pid, "python3") };
            std::sync::Arc::make_mut(lane).pid = process.pid;
            run.processes.push(process);
        }
        let text = "import pump\npump.open()\n";
        run.source =
            Some(std::sync::Arc::new(crate::model::SourceView { file: "/home/pi/greenhouse.py".to_owned(), text: text.into() }));
        let harness = testing::view(400.0, 200.0, Code::default(), move |ui, code| {
            code.ui(ui, None, Language::Program, &BTreeMap::new(), Some(&run));
        });
        harness.get_by_label("pump.open()");
        harness.get_by_label("line 2: main: on core 0");
        assert!(harness.query_by_label_contains("line 1:").is_none(), "that is a line of another script");
    }

    #[test]
    fn every_line_keeps_its_letters_and_is_coloured_throughout() {
        let harness = show(Some(&testing::POOL), Language::Rust);
        let lines = &harness.state().lines;
        assert_eq!(lines.iter().map(|job| job.text.as_str()).collect::<Vec<_>>(), testing::POOL.rust.lines().collect::<Vec<_>>());
        for job in lines {
            let covered: usize = job.sections.iter().map(|section| section.byte_range.end.0 - section.byte_range.start.0).sum();
            assert_eq!(covered, job.text.len(), "{:?}", job.text);
        }
    }

    #[test]
    fn it_opens_where_the_work_begins() {
        assert_eq!(first_line("//! x\nuse y;\n\npub(super) fn run(lesson: &Lesson) {\n"), 3);
        for scenario in crate::scenario::CATALOGUE {
            assert!(
                scenario.rust.lines().nth(first_line(scenario.rust)).is_some_and(|line| line.contains("fn run(")),
                "{}",
                scenario.id
            );
        }
        assert_eq!(first_line("import tasklab\ndef work():\n"), 1);
        assert_eq!(first_line("import os\ndef work():\n"), 0);
        assert_eq!(first_line("x = 1\n"), 0);
    }
}
