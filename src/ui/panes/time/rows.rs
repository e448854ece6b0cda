//! What lies where in the timeline: the whole run, the cores, the lanes, the pins, the axis. Pure.

use egui::{Rect, pos2};

/// The height of the axis.
pub(super) const AXIS: f32 = 20.0;
/// The height of the picture of the whole run, and of the share of the cores.
pub(super) const STRIP: f32 = 16.0;
/// The height of a core's lane.
pub(super) const CORE: f32 = 15.0;
/// Lanes that keep their room, whatever stands above them.
const LEAST_LANES: f32 = 3.0;

/// How high the lanes are: as comfortable as there is room for all of them, down to what can still be read.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Rows {
    /// From one lane to the next.
    pub(super) pitch: f32,
    /// The bar of a lane.
    pub(super) bar: f32,
}

impl Rows {
    pub(super) const HIGHEST: f32 = 34.0;
    pub(super) const LOWEST: f32 = 15.0;

    pub(super) fn of(lanes: usize, height: f32) -> Self {
        let pitch = (height / lanes.max(1) as f32).clamp(Self::LOWEST, Self::HIGHEST);
        let gap = 2.0 + 10.0 * (pitch - Self::LOWEST) / (Self::HIGHEST - Self::LOWEST);
        Self { pitch, bar: pitch - gap }
    }

    /// Whether there is room for a strip below each bar.
    pub(super) fn has_strips(self) -> bool {
        self.pitch - self.bar >= 8.0
    }

    /// The upper end of the bar of the lane at this place, below `top`.
    pub(super) fn top(self, top: f32, place: usize) -> f32 {
        top + place as f32 * self.pitch + (self.pitch - self.bar) / 2.0
    }
}

/// The rooms of the timeline; one that has no place is empty.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Rooms {
    pub(super) whole_run: Rect,
    /// The share of the cores that the run uses, which opens and closes their lanes.
    pub(super) share: Rect,
    pub(super) cores: Rect,
    /// The lanes, and below them the pins.
    pub(super) lanes: Rect,
    pub(super) axis: Rect,
}

/// How many of the cores' lanes are wanted: as somebody chose, else if there is room.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted {
    pub(super) cores: usize,
    pub(super) lanes: usize,
    pub(super) is_open: Option<bool>,
}

impl Rooms {
    pub(super) fn of(area: Rect, wanted: Wanted) -> Self {
        let least = Rows::LOWEST * LEAST_LANES.min(wanted.lanes as f32);
        let mut room = (area.height() - AXIS - least).max(0.0);
        let mut top = area.top();
        let mut take = |height: f32| {
            let height = if height <= room { height } else { 0.0 };
            room -= height;
            top += height;
            Rect::from_min_max(pos2(area.left(), top - height), pos2(area.right(), top))
        };
        let whole_run = take(STRIP);
        let share = if wanted.cores > 0 { take(STRIP) } else { take(0.0) };
        let all = wanted.cores as f32 * CORE;
        let is_comfortable = || all + wanted.lanes as f32 * Rows::LOWEST * 1.4 <= area.height() - AXIS - 2.0 * STRIP;
        let is_open = share.height() > 0.0 && wanted.is_open.unwrap_or_else(is_comfortable);
        // More cores than there is room for are scrolled.
        let cores = if is_open { take(all.min((area.height() * 0.4).max(CORE))) } else { take(0.0) };
        let bottom = (area.bottom() - AXIS).max(top);
        Self {
            whole_run,
            share,
            cores,
            lanes: Rect::from_min_max(pos2(area.left(), top), pos2(area.right(), bottom)),
            axis: Rect::from_min_max(pos2(area.left(), bottom), area.max),
        }
    }
}

#[cfg(test)]
mod tests {
    use egui::vec2;

    use super::*;

    #[test]
    fn sixteen_lanes_fit_where_five_are_comfortable() {
        let height = 16.0 * Rows::LOWEST;
        assert_eq!(Rows::of(5, height), Rows { pitch: 34.0, bar: 22.0 });
        let rows = Rows::of(16, height);
        assert!(rows.top(0.0, 15) + rows.bar <= height && rows.bar >= 12.0, "{rows:?}");
        assert!((Rows::of(2000, height).pitch - Rows::LOWEST).abs() < f32::EPSILON, "more are scrolled");
    }

    #[test]
    fn the_cores_are_open_where_there_is_room_and_the_lanes_never_give_way() {
        let rooms = |height: f32, is_open| {
            Rooms::of(Rect::from_min_size(pos2(0.0, 0.0), vec2(600.0, height)), Wanted { cores: 4, lanes: 5, is_open })
        };
        let heights =
            |rooms: Rooms| [rooms.whole_run, rooms.share, rooms.cores, rooms.lanes, rooms.axis].map(|room| room.height() as u32);
        assert_eq!(heights(rooms(300.0, None)), [16, 16, 60, 188, 20]);
        assert_eq!(heights(rooms(160.0, None))[2], 0, "closed where it is low");
        assert!(heights(rooms(200.0, Some(true)))[2] > 0 && heights(rooms(300.0, Some(false)))[2] == 0);
        assert_eq!(heights(rooms(70.0, Some(true))), [0, 0, 0, 50, 20]);
        for height in [0.0, 10.0, 40.0, 2_000.0] {
            let rooms = rooms(height, Some(true));
            assert!(rooms.lanes.height() >= 0.0 && rooms.axis.height() <= AXIS + 0.01, "{rooms:?}");
        }
    }
}
