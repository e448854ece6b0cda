//! Which lanes of a run are shown, and in which order, as somebody chose it for that run. Pure.

use std::collections::{HashMap, HashSet};
use std::ops::RangeInclusive;
use std::sync::Arc;

use crate::model::{Lane, LaneId, RunId, RunView};

/// Runs whose arrangement is kept.
const RUNS: usize = 32;

/// The arrangements of the runs that were looked at.
#[derive(Debug, Default)]
pub(super) struct Arrangements {
    of_runs: HashMap<RunId, Arrangement>,
    /// The places of the shown lanes among the lanes of the run; and for which run, how many lanes, and which change that was found.
    shown: (Option<(RunId, usize, usize)>, Vec<usize>),
    changes: usize,
}

/// What was chosen for a run.
#[derive(Debug, Default)]
pub(super) struct Arrangement {
    /// Only lanes with this in their name.
    pub(super) filter: String,
    pinned: Vec<LaneId>,
    hidden: HashSet<LaneId>,
    /// The order of those that are not pinned, once one was moved; newer lanes come after them.
    order: Vec<LaneId>,
}

/// What can be done to a lane's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Move {
    Pin,
    Unpin,
    Hide,
    Show,
    Up,
    Down,
}

impl Move {
    pub(super) const fn text(self) -> &'static str {
        match self {
            Self::Pin => "Pin to the top",
            Self::Unpin => "Unpin",
            Self::Hide => "Hide",
            Self::Show => "Show",
            Self::Up => "Move up",
            Self::Down => "Move down",
        }
    }
}

impl Arrangements {
    /// What was chosen for a run, to be changed.
    pub(super) fn of(&mut self, run: RunId) -> &mut Arrangement {
        if self.of_runs.len() >= RUNS && !self.of_runs.contains_key(&run) {
            let oldest = self.of_runs.keys().copied().min();
            oldest.and_then(|oldest| self.of_runs.remove(&oldest));
        }
        self.changes += 1;
        self.of_runs.entry(run).or_default()
    }

    fn seen(&self, run: RunId) -> Option<&Arrangement> {
        self.of_runs.get(&run)
    }

    /// Whether a lane is pinned.
    pub(super) fn is_pinned(&self, run: RunId, lane: LaneId) -> bool {
        self.seen(run).is_some_and(|chosen| chosen.pinned.contains(&lane))
    }

    /// How many lanes were hidden by hand.
    pub(super) fn hidden(&self, run: RunId) -> usize {
        self.seen(run).map_or(0, |chosen| chosen.hidden.len())
    }

    /// Whether a lane was hidden by hand.
    pub(super) fn is_hidden(&self, run: RunId, lane: LaneId) -> bool {
        self.seen(run).is_some_and(|chosen| chosen.hidden.contains(&lane))
    }

    /// The filter.
    pub(super) fn filter(&self, run: RunId) -> &str {
        self.seen(run).map_or("", |chosen| &chosen.filter)
    }

    /// Shows all hidden lanes again, and those that the filter leaves out.
    pub(super) fn show_all(&mut self, run: RunId) {
        let chosen = self.of(run);
        chosen.hidden.clear();
        chosen.filter.clear();
    }

    /// Looks for the shown lanes again: some have come or have other names.
    pub(super) const fn renew(&mut self) {
        self.changes += 1;
    }

    /// The places of the lanes to show among the run's lanes, in order.
    pub(super) fn shown(&mut self, run: &RunView) -> &[usize] {
        let key = Some((run.id, run.lanes.len(), self.changes));
        if self.shown.0 != key {
            let places = match self.seen(run.id) {
                Some(chosen) => chosen.places(&run.lanes),
                None => (0..run.lanes.len()).collect(),
            };
            self.shown = (key, places);
        }
        &self.shown.1
    }

    /// Pins, hides or moves a lane.
    pub(super) fn change(&mut self, run: &RunView, lane: LaneId, what: Move) {
        match what {
            Move::Pin if !self.is_pinned(run.id, lane) => {
                let chosen = self.of(run.id);
                chosen.hidden.remove(&lane);
                chosen.pinned.push(lane);
            }
            Move::Pin => {}
            Move::Unpin => self.of(run.id).pinned.retain(|pinned| *pinned != lane),
            Move::Hide => {
                let chosen = self.of(run.id);
                chosen.pinned.retain(|pinned| *pinned != lane);
                chosen.hidden.insert(lane);
            }
            Move::Show => drop(self.of(run.id).hidden.remove(&lane)),
            Move::Up | Move::Down => {
                let Some(place) = self.ids(run).iter().position(|id| *id == lane) else { return };
                self.put(run, lane, if what == Move::Up { place.saturating_sub(1) } else { place + 2 });
            }
        }
    }

    /// The gaps between the shown lanes into which one can go, 0 above the first: the pinned lanes stay together above the others.
    pub(super) fn gaps(&mut self, run: &RunView, lane: LaneId) -> RangeInclusive<usize> {
        let ids = self.ids(run);
        let pinned = ids.iter().take_while(|id| self.is_pinned(run.id, **id)).count();
        if self.is_pinned(run.id, lane) { 0..=pinned } else { pinned..=ids.len() }
    }

    /// Moves a shown lane into a gap, or the nearest into which it can go.
    pub(super) fn put(&mut self, run: &RunView, lane: LaneId, gap: usize) {
        let gaps = self.gaps(run, lane);
        let mut ids = self.ids(run);
        let Some(place) = ids.iter().position(|id| *id == lane) else { return };
        let gap = gap.clamp(*gaps.start(), *gaps.end());
        ids.remove(place);
        ids.insert(if gap > place { gap - 1 } else { gap }, lane);
        let (pinned, mut order): (Vec<_>, Vec<_>) = ids.into_iter().partition(|id| self.is_pinned(run.id, *id));
        // Those that are not shown keep their place behind the others.
        let known: HashSet<LaneId> = pinned.iter().chain(&order).copied().collect();
        order.extend(run.lanes.iter().map(|lane| lane.id).filter(|id| !known.contains(id)));
        let chosen = self.of(run.id);
        (chosen.pinned, chosen.order) = (pinned, order);
    }

    /// The shown lanes, in order.
    fn ids(&mut self, run: &RunView) -> Vec<LaneId> {
        self.shown(run).iter().filter_map(|place| run.lanes.get(*place)).map(|lane| lane.id).collect()
    }
}

impl Arrangement {
    fn places(&self, lanes: &[Arc<Lane>]) -> Vec<usize> {
        let filter = self.filter.trim().to_lowercase();
        let ranks = |ids: &[LaneId]| -> HashMap<LaneId, usize> { ids.iter().enumerate().map(|(rank, id)| (*id, rank)).collect() };
        let (pinned, order) = (ranks(&self.pinned), ranks(&self.order));
        let is_shown = |lane: &Lane| {
            pinned.contains_key(&lane.id)
                || (!self.hidden.contains(&lane.id) && (filter.is_empty() || lane.name.to_lowercase().contains(&filter)))
        };
        let mut places: Vec<usize> = (0..lanes.len()).filter(|place| is_shown(&lanes[*place])).collect();
        let rank = |ranks: &HashMap<LaneId, usize>, place: usize| ranks.get(&lanes[place].id).copied().unwrap_or(usize::MAX);
        places.sort_by_key(|place| (rank(&pinned, *place), rank(&order, *place)));
        places
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::sample;

    fn names(arrangements: &mut Arrangements, run: &RunView) -> Vec<String> {
        arrangements.shown(run).iter().map(|place| run.lanes[*place].name.to_string()).collect()
    }

    #[test]
    fn lanes_are_filtered_pinned_hidden_and_moved_and_the_choice_belongs_to_the_run() {
        let run = (*sample::deadlock().runs[0]).clone();
        let mut all = Arrangements::default();
        let initial = names(&mut all, &run);
        assert_eq!(initial, ["main", "worker-1", "worker-2", "watcher", "pid 4716 sort"]);
        let id = |name: &str| run.lanes.iter().find(|lane| *lane.name == *name).expect("a lane").id;
        all.change(&run, id("watcher"), Move::Pin);
        all.change(&run, id("worker-2"), Move::Up);
        all.change(&run, id("main"), Move::Hide);
        assert_eq!(names(&mut all, &run), ["watcher", "worker-2", "worker-1", "pid 4716 sort"]);
        all.of(run.id).filter = "SORT".to_owned();
        assert_eq!(names(&mut all, &run), ["watcher", "pid 4716 sort"], "what is pinned stays");
        assert_eq!((all.hidden(run.id), all.is_pinned(run.id, id("watcher"))), (1, true));
        all.change(&run, id("watcher"), Move::Hide);
        assert!(all.is_hidden(run.id, id("watcher")) && all.hidden(run.id) == 2);
        assert_eq!(names(&mut all, &run), ["pid 4716 sort"], "what is pinned can be hidden");
        all.change(&run, id("watcher"), Move::Show);
        assert_eq!((all.hidden(run.id), names(&mut all, &run).len()), (1, 1), "the filter leaves it out");
        all.change(&run, id("watcher"), Move::Pin);
        let other = RunView { id: RunId::new(9), ..run.clone() };
        assert_eq!(names(&mut all, &other), initial);
        all.show_all(run.id);
        all.change(&run, id("watcher"), Move::Unpin);
        assert_eq!(names(&mut all, &run).len(), 5);
        for _ in 0..9 {
            all.change(&run, id("worker-1"), Move::Down);
        }
        assert_eq!(names(&mut all, &run).last().map(String::as_str), Some("worker-1"));
    }

    #[test]
    fn a_lane_goes_into_a_gap_and_pinned_lanes_stay_above_the_others() {
        let run = (*sample::deadlock().runs[0]).clone();
        let mut all = Arrangements::default();
        let id = |name: &str| run.lanes.iter().find(|lane| *lane.name == *name).expect("a lane").id;
        all.put(&run, id("watcher"), 1);
        assert_eq!(names(&mut all, &run), ["main", "watcher", "worker-1", "worker-2", "pid 4716 sort"]);
        for own in [1, 2] {
            all.put(&run, id("watcher"), own);
            assert_eq!(names(&mut all, &run)[1], "watcher", "the gaps beside it are where it is");
        }
        all.put(&run, id("main"), 99);
        assert_eq!(names(&mut all, &run), ["watcher", "worker-1", "worker-2", "pid 4716 sort", "main"]);
        all.change(&run, id("main"), Move::Pin);
        all.change(&run, id("worker-2"), Move::Pin);
        assert_eq!((all.gaps(&run, id("main")), all.gaps(&run, id("watcher"))), (0..=2, 2..=5));
        all.put(&run, id("pid 4716 sort"), 0);
        all.put(&run, id("main"), 5);
        assert_eq!(names(&mut all, &run), ["worker-2", "main", "pid 4716 sort", "watcher", "worker-1"]);
        all.change(&run, id("watcher"), Move::Hide);
        all.put(&run, id("watcher"), 0);
        all.put(&run, id("worker-1"), 2);
        all.show_all(run.id);
        assert_eq!(
            names(&mut all, &run),
            ["worker-2", "main", "worker-1", "pid 4716 sort", "watcher"],
            "what is hidden comes last"
        );
    }

    #[test]
    fn two_thousand_lanes_and_many_runs_are_kept_within_bounds() {
        let run = (*sample::snapshot(2_000).runs[0]).clone();
        let mut all = Arrangements::default();
        all.change(&run, run.lanes[1_500].id, Move::Up);
        assert_eq!(all.shown(&run)[1_499], 1_500);
        (1..100).for_each(|number| all.of(RunId::new(number)).filter = "x".to_owned());
        assert!(all.of_runs.len() <= RUNS);
    }
}
