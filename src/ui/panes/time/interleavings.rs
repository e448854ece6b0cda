//! The orders in which the same steps came, one run under the other: what differs from the first run stands out. UI thread; reads only.

use egui::{Align2, FontId, Rect, RichText, Role, ScrollArea, Ui, pos2, vec2};

use crate::model::RunView;
use crate::scenario::ORDER_OF;
use crate::ui::look::theme::{self, palette};
use crate::ui::look::widgets;

/// The fewest steps that are an order.
const FEWEST: usize = 8;
/// The most steps that can be told apart on a screen.
const MOST: usize = 2_000;
const ROW: f32 = 18.0;
const NAME: f32 = 74.0;
const COUNT: f32 = 96.0;

/// The order of a run: its name, and a letter for the task of each step.
type Order<'a> = (&'a str, &'a str);

/// The values that are orders, of runs such as `order of light-2`: by their load, then by number.
fn interleavings(run: &RunView) -> Vec<Order<'_>> {
    let is_order = |text: &str| (FEWEST..=MOST).contains(&text.len()) && text.bytes().all(|letter| letter.is_ascii_uppercase());
    let mut found: Vec<_> = run
        .values
        .iter()
        .filter_map(|(name, value)| {
            let name = name.strip_prefix(ORDER_OF)?;
            Some((load_and_number(name)?, (name, value.as_str().filter(|text| is_order(text))?)))
        })
        .collect();
    // The light runs come before the heavy ones, as they did.
    found.sort_by(|((load, number), _), ((other, next), _)| other.cmp(load).then(number.cmp(next)));
    found.into_iter().map(|(_, order)| order).collect()
}

/// Whether there are two orders to compare.
pub fn has_some(run: &RunView) -> bool {
    interleavings(run).len() >= 2
}

/// Steps of an order that are not those of the first run under the same load.
fn differences(order: &str, first: &str) -> usize {
    order.bytes().zip(first.bytes()).filter(|(a, b)| a != b).count()
}

/// The load and the number of a run: of `light-2`, light and 2.
fn load_and_number(name: &str) -> Option<(&str, u32)> {
    let (load, number) = name.rsplit_once('-')?;
    Some((load, number.parse().ok()?))
}

/// Draws a row for each run, a cell for each step. A step that comes as in the first run under its load is pale.
pub fn ui(ui: &mut Ui, run: &RunView) {
    let colors = palette(ui);
    let orders = interleavings(run);
    let load_of = |name| load_and_number(name).map(|(load, _)| load);
    let different: std::collections::BTreeSet<&str> = orders.iter().map(|(_, order)| *order).collect();
    let said = format!(
        "{} runs of the same program, {} different orders. A letter is a thread; pale: as in the first run.",
        orders.len(),
        different.len()
    );
    ui.add(egui::Label::new(RichText::new(said).size(11.5).color(colors.weak)).truncate());
    let longest = orders.iter().map(|(_, order)| order.len()).max().unwrap_or(1);
    ScrollArea::both().scroll_source(widgets::scroll_source(ui)).id_salt("orders").auto_shrink(false).show(ui, |ui| {
        ui.spacing_mut().item_spacing.y = 1.0;
        let cell = ((ui.available_width() - NAME - COUNT) / longest as f32).max(4.0);
        let width = NAME + COUNT + cell * longest as f32;
        for (name, order) in &orders {
            let first = orders.iter().find(|(other, _)| load_of(other) == load_of(name)).map_or(*order, |(_, first)| *first);
            let (row, _) = ui.allocate_exact_size(vec2(width, ROW), egui::Sense::hover());
            if !ui.is_rect_visible(row) {
                continue;
            }
            let at = Rect::from_min_max(row.min, pos2(row.left() + NAME - 8.0, row.bottom()));
            widgets::paint_text(ui, at, Align2::RIGHT_CENTER, *name, FontId::proportional(12.0), colors.text);
            for (step, (letter, usual)) in order.bytes().zip(first.bytes().map(Some).chain(std::iter::repeat(None))).enumerate() {
                let tone = colors.series(usize::from(letter - b'A'));
                let is_usual = *order != first && Some(letter) == usual;
                let fill = if is_usual { tone.strong.gamma_multiply(0.22) } else { tone.strong };
                let left = row.left() + NAME + step as f32 * cell;
                let place = Rect::from_min_size(pos2(left, row.top() + 1.0), vec2((cell - 1.0).max(3.0), ROW - 3.0));
                ui.painter().rect_filled(place, 1.5, fill);
                if cell >= 7.0 {
                    let ink = if is_usual { colors.weak } else { theme::ink_on(tone.strong) };
                    let font = FontId::monospace((cell + 2.0).min(10.5));
                    ui.painter().text(place.center(), Align2::CENTER_CENTER, char::from(letter), font, ink);
                }
            }
            let away = differences(order, first);
            let text = match away {
                _ if std::ptr::eq(first.as_ptr(), order.as_ptr()) => "the first".to_owned(),
                0 => "as the first".to_owned(),
                1 => "1 differs".to_owned(),
                _ => format!("{away} differ"),
            };
            let at = Rect::from_min_max(pos2(row.right() - COUNT + 8.0, row.top()), row.max);
            widgets::paint_text(ui, at, Align2::LEFT_CENTER, text.as_str(), FontId::proportional(11.0), colors.weak);
            widgets::describe(ui, row, ("order", *name), Role::Label, &format!("{ORDER_OF}{name}: {order}, {text}"));
        }
    });
}

#[cfg(test)]
mod tests {
    use egui_kittest::kittest::Queryable;

    use super::*;
    use crate::ui::{sample, testing};

    fn with(values: &[(&str, &str)]) -> RunView {
        let mut run = sample::run(1, "chaos");
        run.values = values.iter().map(|(name, value)| ((*name).to_owned(), (*value).into())).collect();
        run
    }

    #[test]
    fn only_values_that_are_orders_of_runs_are_laid_over_each_other() {
        assert!(!has_some(&with(&[
            ("order of light-1", "ABABABAB"),
            ("step", "on"),
            ("work-2", "hash"),
            ("NAME", "ABABABABAB")
        ])));
        assert!(has_some(&with(&[("order of light-1", "ABABABAB"), ("order of light-2", "BABABABA")])));
    }

    #[test]
    fn each_run_is_compared_with_the_first_under_its_load() {
        let run = with(&[
            ("order of heavy-1", "AAAABBBB"),
            ("order of heavy-2", "AAAABBBB"),
            ("order of light-10", "BBAABABA"),
            ("order of light-2", "BBABABAB"),
            ("order of light-1", "ABABABAB"),
        ]);
        assert_eq!(
            interleavings(&run).iter().map(|(name, _)| *name).collect::<Vec<_>>(),
            ["light-1", "light-2", "light-10", "heavy-1", "heavy-2"]
        );
        let harness = testing::view(800.0, 200.0, (), move |ui, ()| super::ui(ui, &run));
        harness.get_by_label_contains("5 runs of the same program, 4 different orders");
        harness.get_by_label("order of light-1: ABABABAB, the first");
        harness.get_by_label("order of light-2: BBABABAB, 1 differs");
        harness.get_by_label("order of heavy-2: AAAABBBB, as the first");
    }

    #[test]
    fn many_long_orders_are_drawn_only_where_they_are_in_sight() {
        let order = "ABCD".repeat(120);
        let names: Vec<String> = (1..=500).map(|number| format!("order of light-{number}")).collect();
        let values: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), order.as_str())).collect();
        let run = with(&values);
        let harness = testing::view(800.0, 200.0, (), move |ui, ()| super::ui(ui, &run));
        assert!((3..30).contains(&harness.query_all_by_label_contains("order of ").count()));
    }
}
