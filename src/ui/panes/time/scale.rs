//! The axis of time. Pure, but for the marks that it paints.

use egui::{Align2, FontId, Rect, Ui, pos2};

use crate::model::Monotonic;
use crate::ui::look::theme::palette;

/// Seconds to points and back.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scale {
    pub(crate) from: f64,
    pub(crate) to: f64,
    pub(crate) left: f32,
    pub(crate) right: f32,
}

impl Scale {
    pub(crate) fn x(self, t: f64) -> f32 {
        self.left + ((t - self.from) / (self.to - self.from) * f64::from(self.right - self.left)) as f32
    }

    /// The place of a time that the kernel or a program gave.
    pub(crate) fn x_at(self, nanos: u64) -> f32 {
        self.x(nanos as f64 / 1e9)
    }

    pub(crate) fn per_point(self) -> f64 {
        (self.to - self.from) / f64::from((self.right - self.left).max(1.0))
    }

    /// The time at a place, in seconds.
    pub(crate) fn t(self, x: f32) -> f64 {
        self.from + f64::from(x - self.left) * self.per_point()
    }

    /// The time at a place.
    pub(crate) fn at(self, x: f32) -> Monotonic {
        Monotonic::from_secs(self.t(x))
    }

    /// Whether a place is on the axis.
    pub(crate) fn holds(self, x: f32) -> bool {
        (self.left..=self.right).contains(&x)
    }
}

/// Paints time marks at a round distance, and tells where they stand.
pub(super) fn axis(ui: &Ui, area: Rect, scale: Scale) -> Vec<f32> {
    let step = round_step(scale.per_point() * 84.0);
    let digits = digits(step);
    let mut ticks = Vec::new();
    let mut index = (scale.from / step).ceil();
    while index * step <= scale.to + step * 1e-6 {
        let x = scale.x(index * step);
        ticks.push(x);
        let text = format!("{:.digits$} s", index * step);
        let align = if x > area.right() - 24.0 { Align2::RIGHT_CENTER } else { Align2::CENTER_CENTER };
        let x = if align == Align2::RIGHT_CENTER { area.right() } else { x };
        ui.painter().text(pos2(x, area.center().y), align, text, FontId::proportional(10.5), palette(ui).weak);
        index += 1.0;
    }
    ticks
}

/// Decimal places that tell one mark from the next.
fn digits(step: f64) -> usize {
    let whole = |places: usize| {
        let scaled = step * 10.0_f64.powi(places as i32);
        (scaled - scaled.round()).abs() < 1e-6 * scaled.max(1.0) && scaled > 0.5
    };
    (0..=9).find(|places| whole(*places)).unwrap_or(9)
}

/// The smallest of 1, 2, 2.5, 5 times a power of ten that is at least this.
fn round_step(least: f64) -> f64 {
    let power = 10.0_f64.powf(least.max(1e-9).log10().floor());
    [1.0, 2.0, 2.5, 5.0, 10.0]
        .into_iter()
        .map(|factor| factor * power)
        .find(|step| *step >= least * 0.999_999)
        .unwrap_or(power * 10.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_at_round_times() {
        for (least, step) in [(0.21, 0.25), (0.9, 1.0), (1.1, 2.0), (30.0, 50.0)] {
            assert!((round_step(least) - step).abs() < 1e-9, "{least}: {}", round_step(least));
        }
        assert_eq!([2.5, 2.0, 0.25, 0.2, 50.0, 0.005, 0.000_000_5].map(digits), [1, 0, 2, 1, 0, 3, 7], "2.5 s is not 2 s");
    }

    #[test]
    fn a_place_and_its_time_belong_together() {
        let scale = Scale { from: 1.0, to: 3.0, left: 100.0, right: 300.0 };
        assert!((scale.x(scale.t(150.0)) - 150.0).abs() < 1e-3 && (scale.x_at(2_000_000_000) - 200.0).abs() < 1e-3);
        assert!(scale.holds(100.0) && !scale.holds(99.0));
    }
}
