//! The process table of a run: a tree of processes with their threads. UI thread; draws the visible rows only.

use egui::scroll_area::DragScroll;
use egui::{Align, Align2, FontId, Key, Layout, Rect, RichText, Role, Sense, Ui, WidgetInfo, pos2, vec2};
use egui_extras::{Column, TableBuilder, TableRow};

use crate::model::{ProcessRow, RunView, ThreadSample};
use crate::ui::ask::actions::{Actions, UiAction};
use crate::ui::ask::selection::{Selection, table_focus};
use crate::ui::look::fill::Fill;
use crate::ui::look::foreign;
use crate::ui::look::states::{self, StateView};
use crate::ui::look::theme::{self, palette};
use crate::ui::look::widgets;
use crate::ui::panes::table::rows::{RowRef, Rows, SortBy};

/// The table's own state.
#[derive(Debug, Default)]
pub struct Tree {
    rows: Rows,
    is_pointed_at: bool,
    wants_focus: bool,
    scroll_to: Option<usize>,
    page: usize,
}

const ROW: f32 = 20.0;
const FINGER_ROW: f32 = 34.0;
const INDENT: f32 = 16.0;
/// A state that is shorter needs no hint.
const SHORT: usize = 12;
/// The bar that shows how full a pipe is.
const FILL: f32 = 24.0;

/// The columns that are left out where there is no room.
#[derive(Clone, Copy)]
struct Shown {
    memory: bool,
    threads: bool,
    core: bool,
}

impl Tree {
    /// Gives the table the keyboard.
    pub const fn focus(&mut self) {
        self.wants_focus = true;
    }

    /// Sorts by the next column.
    pub const fn cycle_sort(&mut self) {
        self.rows.sort = self.rows.sort.next();
    }

    /// Draws what stands at the right of the pane's heading.
    pub fn head(&mut self, ui: &mut Ui, run: Option<&RunView>) {
        let Some(run) = run else { return };
        let gone = run.processes.iter().any(ProcessRow::is_reaped);
        let clear = ui.add_enabled_ui(gone, |ui| widgets::head_button(ui, "Clear")).inner;
        if clear.on_hover_text("Takes the rows of ended processes away.").clicked() {
            self.rows.clear(run.elapsed);
        }
    }

    /// Draws the table.
    pub fn ui(&mut self, ui: &mut Ui, sequence: u64, run: &RunView, selection: Selection, actions: &mut Actions) {
        let area = ui.available_rect_before_wrap();
        let id = table_focus();
        let focus = ui.interact(area, id, Sense::focusable_noninteractive());
        focus.widget_info(|| {
            WidgetInfo::labeled(Role::Group, true, format!("Processes of {}: {}", foreign::line(&run.title), run.processes.len()))
        });
        if std::mem::take(&mut self.wants_focus) {
            focus.request_focus();
        }
        let count = self.rows.refresh(sequence, run, self.is_pointed_at).len();
        if count == 0 {
            widgets::nothing_yet(ui, "No process has begun yet.");
            return;
        }
        let is_free = ui.memory(egui::Memory::focused).is_none_or(|focused| focused == id);
        if is_free {
            self.keyboard(ui, id, run, selection, actions);
        }
        let width = area.width();
        let height = if theme::is_touch(ui) { FINGER_ROW } else { ROW };
        let drag = if theme::is_touch(ui) { DragScroll::Always } else { DragScroll::OnTouch };
        let shown = Shown { memory: width > 330.0, core: width > 470.0, threads: width > 540.0 };
        let others = 46.0 * f32::from(u8::from(shown.memory)) + 32.0 * f32::from(u8::from(shown.threads) + u8::from(shown.core));
        let gaps = 5.0 * f32::from(4 + u8::from(shown.memory) + u8::from(shown.threads) + u8::from(shown.core));
        let state = width - (width * 0.27).max(60.0) - 46.0 - 38.0 - others - gaps;
        ui.spacing_mut().item_spacing = vec2(5.0, 0.0);
        let mut table = TableBuilder::new(ui)
            .id_salt("processes")
            .sense(Sense::click())
            .cell_layout(Layout::left_to_right(Align::Center))
            .auto_shrink(false)
            .drag_to_scroll(drag)
            .min_scrolled_height(0.0)
            .column(Column::remainder().at_least(60.0).clip(true))
            .column(Column::exact(46.0))
            .column(Column::exact(state.clamp(86.0, 320.0)).clip(true))
            .column(Column::exact(38.0));
        table = table.columns(Column::exact(46.0), usize::from(shown.memory));
        table = table.columns(Column::exact(32.0), usize::from(shown.threads) + usize::from(shown.core));
        if let Some(row) = self.scroll_to.take() {
            table = table.scroll_to_row(row, None);
        }
        let mut folded = None;
        let mut sort = self.rows.sort;
        let output = table
            .header(height, |mut header| {
                let columns = [
                    ("Name", Some(SortBy::Name), true),
                    ("PID", Some(SortBy::Pid), true),
                    ("State", None, true),
                    ("CPU", Some(SortBy::Cpu), true),
                    ("Mem", Some(SortBy::Memory), shown.memory),
                    ("Thr", None, shown.threads),
                    ("Core", None, shown.core),
                ];
                for (text, by, _) in columns.into_iter().filter(|(_, _, is_shown)| *is_shown) {
                    header.col(|ui| heading(ui, text, by, &mut sort));
                }
            })
            .body(|body| {
                let rows = &self.rows;
                let refs = rows.rows();
                body.rows(height, refs.len(), |mut row| {
                    let this = refs[row.index()];
                    let Some(process) = run.processes.get(this.process) else { return };
                    let thread = this.thread.and_then(|thread| process.threads.get(thread));
                    let tid = thread.map(|thread| thread.tid);
                    row.set_selected(selection == Some((process.pid, tid)));
                    let is_folded = rows.is_folded(process.pid);
                    let fill = if thread.is_none() { Fill::of(run, process) } else { None };
                    let lane = rows.lane(run, process, thread);
                    let view = match thread {
                        Some(thread) => states::of_thread(thread, lane),
                        None => states::of_process(process, lane),
                    };
                    if draw(&mut row, this, (process, thread), &view, fill.as_ref(), is_folded, shown) {
                        folded = Some(process.pid);
                    }
                    let response = if view.words().len() < SHORT {
                        row.response()
                    } else {
                        // The column is too narrow for many a reason.
                        let name = thread.map_or(&process.name, |thread| &thread.name);
                        widgets::hint(row.response(), &format!("{name}: {}", view.words()))
                    };
                    let label = describe(process, thread, &view, fill.as_ref());
                    let is_selected = selection == Some((process.pid, tid));
                    response.widget_info(|| WidgetInfo::selected(Role::Row, true, is_selected, &label));
                    if response.clicked() {
                        actions.push(UiAction::Select(process.pid, tid));
                    }
                });
            });
        self.page = (output.inner_rect.height() / ROW) as usize;
        self.is_pointed_at = ui.rect_contains_pointer(output.inner_rect);
        self.rows.sort = sort;
        if let Some(pid) = folded {
            self.rows.fold(pid);
        }
    }

    /// Arrows, Home, End and the page keys move the selection; left and right fold and unfold.
    fn keyboard(&mut self, ui: &Ui, id: egui::Id, run: &RunView, selection: Selection, actions: &mut Actions) {
        let last = self.rows.rows().len() - 1;
        let current = selection.and_then(|(pid, tid)| self.rows.position(run, pid, tid));
        let has_focus = ui.memory(|memory| memory.has_focus(id));
        if has_focus {
            let filter = egui::EventFilter { vertical_arrows: true, horizontal_arrows: true, ..egui::EventFilter::default() };
            ui.memory_mut(|memory| memory.set_focus_lock_filter(id, filter));
        }
        let page = self.page.max(1);
        let step = |from: Option<usize>, key| match (key, from) {
            (Key::ArrowUp, Some(row)) => row.saturating_sub(1),
            (Key::ArrowDown, Some(row)) => (row + 1).min(last),
            (Key::PageUp, Some(row)) => row.saturating_sub(page),
            (Key::PageDown, Some(row)) => (row + page).min(last),
            (Key::End, _) => last,
            _ => 0,
        };
        let none = egui::Modifiers::NONE;
        for key in [Key::ArrowUp, Key::ArrowDown, Key::PageUp, Key::PageDown, Key::Home, Key::End] {
            if ui.input_mut(|input| input.consume_key(none, key)) {
                let row = step(current, key);
                let this = self.rows.rows()[row];
                let process = &run.processes[this.process];
                let tid = this.thread.and_then(|thread| process.threads.get(thread)).map(|thread| thread.tid);
                actions.push(UiAction::Select(process.pid, tid));
                self.scroll_to = Some(row);
            }
        }
        for (key, wants_folded) in [(Key::ArrowLeft, true), (Key::ArrowRight, false)] {
            if let Some((pid, _)) = selection
                && self.rows.is_folded(pid) != wants_folded
                && ui.input_mut(|input| input.consume_key(none, key))
            {
                self.rows.fold(pid);
                actions.push(UiAction::Select(pid, None));
            }
        }
    }
}

fn heading(ui: &mut Ui, text: &str, by: Option<SortBy>, sort: &mut SortBy) {
    let is_sorted = by == Some(*sort);
    let shown = if is_sorted { format!("{} ⏷", text.to_uppercase()) } else { text.to_uppercase() };
    let label = RichText::new(shown).size(9.5).color(palette(ui).weak);
    // As high as its row, and no higher.
    ui.spacing_mut().button_padding = vec2(0.0, 0.0);
    ui.spacing_mut().interact_size.y = ui.available_height();
    let Some(by) = by else {
        ui.add(egui::Button::new(label).frame(false).sense(Sense::hover()));
        return;
    };
    let button = ui.add(egui::Button::new(label).frame(false));
    if button.accessible_name(format!("Sort by {text}")).on_hover_text("Sort; once more for the tree (F6)").clicked() {
        *sort = if is_sorted { SortBy::Tree } else { by };
    }
}

/// Draws the cells of one row. True when its triangle was clicked.
fn draw(
    row: &mut TableRow<'_, '_>,
    this: RowRef,
    (process, thread): (&ProcessRow, Option<&ThreadSample>),
    view: &StateView,
    fill: Option<&Fill>,
    is_folded: bool,
    shown: Shown,
) -> bool {
    let mut was_folded = false;
    let is_gone = process.is_reaped();
    row.col(|ui| {
        let colors = palette(ui);
        let indent = f32::from(process.depth.min(12)) + if thread.is_some() { 1.0 } else { 0.0 };
        ui.add_space(indent * INDENT);
        if this.has_more {
            let sign = if is_folded { "▸" } else { "▾" };
            let verb = if is_folded { "Unfold" } else { "Fold" };
            ui.spacing_mut().button_padding.y = 0.0;
            ui.spacing_mut().interact_size.y = ui.available_height().min(16.0);
            let button =
                ui.add(egui::Button::new(RichText::new(sign).color(colors.weak)).frame(false).min_size(vec2(14.0, 16.0)));
            was_folded = button.accessible_name(format!("{verb} {}", process.pid)).clicked();
        }
        if let Some(fill) = fill {
            let right = ui.max_rect().right();
            let bar = Rect::from_center_size(pos2(right - FILL / 2.0, ui.max_rect().center().y), vec2(FILL, 7.0));
            fill.paint(ui, bar);
            let salt = ("pipe", process.pid);
            widgets::describe(ui, bar.expand(3.0), salt, Role::ProgressIndicator, &fill.words()).on_hover_text(fill.words());
        }
        let name = thread.map_or(process.name.as_str(), |thread| thread.name.as_str());
        let ink = if is_gone { colors.weak } else { colors.text };
        let orphan = if process.is_orphan && thread.is_none() { " (orphan)" } else { "" };
        let room = vec2(ui.available_width() - if fill.is_some() { FILL + 6.0 } else { 0.0 }, ui.available_height());
        ui.allocate_ui_with_layout(room, Layout::left_to_right(Align::Center), |ui| {
            let text = RichText::new(format!("{}{orphan}", foreign::line(name))).color(ink);
            widgets::hint(ui.add(egui::Label::new(text).truncate().selectable(false)), &process.command);
        });
    });
    let id = thread.map_or_else(|| process.pid.to_string(), |thread| thread.tid.to_string());
    row.col(|ui| cell(ui, &id, true));
    row.col(|ui| state(ui, view, is_gone));
    let cpu = thread.map_or(process.cpu, |thread| thread.cpu);
    row.col(|ui| {
        if !is_gone {
            number(ui, &format!("{cpu:.0} %"));
        }
    });
    if shown.memory {
        row.col(|ui| {
            if thread.is_none() && !is_gone {
                number(ui, &states::short_bytes(process.rss));
            }
        });
    }
    if shown.threads {
        row.col(|ui| {
            if thread.is_none() && !is_gone {
                number(ui, &process.threads.len().max(1).to_string());
            }
        });
    }
    if shown.core {
        let core = view.core.unwrap_or_else(|| thread.map_or(process.core, |thread| thread.core));
        row.col(|ui| {
            if !is_gone && process.status.is_none() {
                number(ui, &core.to_string());
            }
        });
    }
    was_folded
}

fn cell(ui: &mut Ui, text: &str, is_weak: bool) {
    let colors = palette(ui);
    let ink = if is_weak { colors.weak } else { colors.text };
    widgets::paint_text(ui, ui.max_rect(), Align2::LEFT_CENTER, text, FontId::proportional(11.5), ink);
}

fn number(ui: &mut Ui, text: &str) {
    let ink = palette(ui).text;
    widgets::paint_text(ui, ui.max_rect(), Align2::RIGHT_CENTER, text, FontId::proportional(11.5), ink);
}

fn state(ui: &mut Ui, view: &StateView, is_gone: bool) {
    let colors = palette(ui);
    let ink = if is_gone { colors.weak } else { view.look.tone(colors).ink };
    let font = if view.look.is_loud() && !is_gone { theme::bold_font(11.5) } else { FontId::proportional(11.5) };
    let text = format!("{} {}", view.look.glyph(), view.words());
    widgets::paint_text(ui, ui.max_rect(), Align2::LEFT_CENTER, text, font, ink);
}

/// A row in words.
fn describe(process: &ProcessRow, thread: Option<&ThreadSample>, view: &StateView, fill: Option<&Fill>) -> String {
    let words = view.words();
    let words = foreign::line(&words);
    if let Some(thread) = thread {
        return format!("thread {} {}: {words}", foreign::line(&thread.name), thread.tid);
    }
    let pipe = fill.map_or_else(String::new, |fill| format!(", {}", fill.words()));
    format!("process {} {}: {words}{pipe}", foreign::line(&process.name), process.pid)
}

#[cfg(test)]
mod tests {
    use egui_kittest::{Harness, kittest::Queryable};

    use super::*;
    use crate::model::Snapshot;
    use crate::model::{Pid, Tid};
    use crate::ui::{sample, testing};

    type State = (Tree, Actions, Selection);

    fn show(snapshot: Snapshot) -> Harness<'static, State> {
        testing::view(470.0, 240.0, (Tree::default(), Actions::default(), None), move |ui, (tree, actions, selection)| {
            tree.ui(ui, snapshot.sequence, &snapshot.runs[0], *selection, actions);
        })
    }

    fn selected(harness: &mut Harness<'_, State>) -> Option<(i32, Option<i32>)> {
        harness.state_mut().1.take().into_iter().find_map(|action| match action {
            UiAction::Select(pid, tid) => Some((pid.number(), tid.map(Tid::number))),
            _ => None,
        })
    }

    #[test]
    fn a_row_says_what_it_is_and_a_click_selects_it() {
        let mut harness = show(sample::deadlock());
        harness.get_by_label("process sort 4716: zombie").click();
        harness.run();
        assert_eq!(selected(&mut harness), Some((4716, None)));
        harness.get_by_label("thread worker-1 4712: blocked: a lock").click();
        harness.run();
        assert_eq!(selected(&mut harness), Some((4711, Some(4712))));
    }

    #[test]
    fn a_row_says_what_the_lane_of_its_thread_says() {
        use crate::model::LaneState::{OnCore, Ready};
        let mut snapshot = sample::deadlock();
        let run = std::sync::Arc::make_mut(&mut snapshot.runs[0]);
        run.lanes = vec![
            sample::kernel_lane(4711, "main", 4711, &[(0.0, OnCore, 2)]).into(),
            sample::kernel_lane(4712, "worker-1", 4712, &[(0.0, OnCore, 2), (0.5, Ready, 0)]).into(),
        ];
        let harness = show(snapshot);
        harness.get_by_label("process tasklab worker deadlock 4711: on core 2");
        harness.get_by_label("thread worker-1 4712: ready");
        harness.get_by_label("thread worker-2 4713: blocked: a lock");
    }

    #[test]
    fn threads_fold_away() {
        let mut harness = show(sample::deadlock());
        harness.get_by_label("Fold 4711").click();
        harness.run();
        assert!(harness.query_by_label_contains("thread worker-1").is_none());
        harness.get_by_label("Unfold 4711");
    }

    #[test]
    fn empty_says_so_and_two_thousand_rows_are_not_all_drawn() {
        let mut empty = Snapshot::default();
        empty.runs.push(std::sync::Arc::new(sample::run(1, "x")));
        show(empty).get_by_label("No process has begun yet.");
        let harness = show(sample::snapshot(2000));
        let drawn = harness.query_all_by_label_contains("process worker-").count();
        assert!((3..30).contains(&drawn), "{drawn}");
    }

    #[test]
    fn the_keyboard_moves_the_selection() {
        let mut harness = show(sample::snapshot(2000));
        for (key, expected) in
            [(Key::ArrowDown, 4711), (Key::ArrowDown, 4712), (Key::End, 6710), (Key::ArrowUp, 6709), (Key::Home, 4711)]
        {
            harness.key_press(key);
            harness.run();
            let found = selected(&mut harness);
            assert_eq!(found, Some((expected, None)), "{key:?}");
            harness.state_mut().2 = found.map(|(pid, _)| (Pid::new(pid), None));
            harness.run();
        }
    }

    #[test]
    fn a_heading_sorts_and_sorts_back() {
        let mut harness = show(sample::snapshot(20));
        harness.get_by_label("Sort by CPU").click();
        harness.run();
        assert_eq!(harness.state().0.rows.sort, SortBy::Cpu);
        harness.get_by_label("Sort by CPU").click();
        harness.run();
        assert_eq!(harness.state().0.rows.sort, SortBy::Tree);
    }
}
