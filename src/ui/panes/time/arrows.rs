//! Who woke whom, from lane to lane: only what is known. Pure, but for the arrows that it paints.

use std::collections::HashMap;
use std::sync::Arc;

use egui::{Color32, Painter, Shape, Stroke, pos2};

use crate::model::{Lane, LaneId, LaneState, MarkKind, Monotonic, RunView, Tid};

/// As many arrows can be told apart; of more, only those of the lanes that somebody looks at are drawn.
pub(super) const FEW: usize = 50;
/// Arrows that are drawn at the same time.
const MOST: usize = 300;
/// Words of a lane that are looked through in a frame.
const WORDS: usize = 64;
/// The same for a lane that somebody looks at.
const MORE_WORDS: usize = 4_000;

/// A wake-up: the places of the two lanes among the lanes of the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Arrow {
    pub(super) t: Monotonic,
    pub(super) from: usize,
    pub(super) to: usize,
    /// Whether it let the other one go on; not if it only waited on what was left of it.
    pub(super) lets_go_on: bool,
}

/// The places of lanes by number and by name.
#[derive(Debug, Default)]
pub(super) struct Places {
    by_name: HashMap<Arc<str>, Vec<usize>>,
    /// The oldest lane of each name behind which a number stands.
    oldest: HashMap<Box<str>, (LaneId, usize)>,
    by_id: HashMap<LaneId, usize>,
    /// The names as they were.
    names: Vec<(LaneId, Arc<str>)>,
}

impl Places {
    pub(super) fn of(lanes: &[Arc<Lane>]) -> Self {
        let mut places = Self::default();
        for (place, lane) in lanes.iter().enumerate() {
            places.by_name.entry(Arc::clone(&lane.name)).or_default().push(place);
            if let Some((name, _)) = without_number(&lane.name).filter(|(_, number)| number_of(lane) == *number) {
                let oldest = places.oldest.entry(name.into()).or_insert((lane.id, place));
                *oldest = (*oldest).min((lane.id, place));
            }
            places.by_id.insert(lane.id, place);
            places.names.push((lane.id, Arc::clone(&lane.name)));
        }
        places
    }

    /// Whether they are those of these lanes: none has come, gone or got another name.
    pub(super) fn are_of(&self, lanes: &[Arc<Lane>]) -> bool {
        let is_it = |(lane, (id, name)): (&Arc<Lane>, &(LaneId, Arc<str>))| lane.id == *id && Arc::ptr_eq(&lane.name, name);
        self.names.len() == lanes.len() && lanes.iter().zip(&self.names).all(is_it)
    }

    /// The lane with this number.
    pub(super) fn lane(&self, id: LaneId) -> Option<usize> {
        self.by_id.get(&id).copied()
    }

    /// The lane with this name: of several the one in the same process. A lane may have got or lost the number behind its name since it was
    /// told; the one without a number was then the only one of that name.
    pub(super) fn named(&self, lanes: &[Arc<Lane>], name: &str, near: &Lane) -> Option<usize> {
        let Some(all) = self.by_name.get(name) else {
            let got_one = self.oldest.get(name).map(|(_, place)| *place);
            return got_one.or_else(|| {
                let (name, number) = without_number(name)?;
                let all = self.by_name.get(name)?;
                all.iter().copied().find(|place| lanes.get(*place).is_some_and(|lane| number_of(lane) == number))
            });
        };
        let same = all.iter().copied().find(|place| lanes.get(*place).is_some_and(|lane| lane.pid == near.pid));
        same.or_else(|| all.first().copied())
    }
}

/// The name and the number behind it.
fn without_number(name: &str) -> Option<(&str, i32)> {
    let (name, number) = name.rsplit_once(' ')?;
    Some((name, number.parse().ok()?))
}

/// The number that stands behind a lane's name where several have one name.
fn number_of(lane: &Lane) -> i32 {
    lane.tid.map_or(lane.pid.number(), Tid::number)
}

/// The wake-ups of a lane between two times, oldest first, and whether there are more than were looked for.
pub(super) fn of_lane(
    run: &RunView,
    places: &Places,
    place: usize,
    (from, to): (Monotonic, Monotonic),
    most: usize,
) -> (Vec<Arrow>, bool) {
    let Some(lane) = run.lanes.get(place) else { return (Vec::new(), false) };
    let mut found = Vec::new();
    let mut looked = 0;
    for word in lane.words.between(from, to).take(most + 1) {
        looked += 1;
        if let Some(waker) = word.woken_by.as_ref().filter(|_| word.from >= from && word.from <= to)
            && let Some(by) = places.named(&run.lanes, waker, lane)
        {
            found.push(Arrow { t: word.from, from: by, to: place, lets_go_on: true });
        }
    }
    for reason in lane.reasons.between(from, to).take(most + 1) {
        looked += 1;
        if let Some(waker) = &reason.woken_by
            && let Some(by) = places.named(&run.lanes, waker, lane)
            && let Some(t) = end_of_wait(lane, reason.from, &run.lanes[by]).filter(|t| *t >= from && *t <= to)
        {
            found.push(Arrow { t, from: by, to: place, lets_go_on: true });
        }
    }
    // The one that makes a process has the mark of it, too.
    let is_made_by = |maker: &Lane| {
        (maker.states.get(0).map(|first| first.from), maker.id) < (lane.states.get(0).map(|first| first.from), lane.id)
    };
    let first = lane.marks.partition_point(|mark| mark.t < from);
    for mark in lane.marks[first..].iter().take_while(|mark| mark.t <= to).take(most) {
        looked += 1;
        if let Some(by) = mark.from.and_then(|id| places.lane(id))
            && (mark.kind != MarkKind::Fork || run.lanes.get(by).is_some_and(|maker| is_made_by(maker)))
        {
            found.push(Arrow { t: mark.t, from: by, to: place, lets_go_on: mark.kind != MarkKind::Reaped });
        }
    }
    found.retain(|arrow| arrow.from != arrow.to);
    (found, looked > most)
}

/// The end of the wait that began at `since`. Where that is an estimate at which the waker waited itself, it was later: the lane was on a
/// core then.
fn end_of_wait(lane: &Lane, since: Monotonic, waker: &Lane) -> Option<Monotonic> {
    let wait = lane.states.at(since)?;
    let end = wait.until?;
    let next = lane.states.get(wait.index + 1).filter(|next| next.state == LaneState::Ready);
    let waits = waker.states.at(end).is_some_and(|span| matches!(span.state, LaneState::Blocked | LaneState::Sleeping));
    next.filter(|_| waits).map_or(Some(end), |next| next.until)
}

/// The arrows to draw: all of the lanes in sight if they are few, else those to and from the lanes that somebody looks at.
pub(super) fn in_sight(
    run: &RunView,
    places: &Places,
    lanes: &[usize],
    (from, to): (f64, f64),
    is_looked_at: impl Fn(&Lane) -> bool,
) -> Vec<Arrow> {
    let window = (Monotonic::from_secs(from), Monotonic::from_secs(to));
    let (mut all, mut are_many) = (Vec::new(), false);
    for place in lanes {
        let (found, has_more) = of_lane(run, places, *place, window, WORDS);
        are_many |= has_more;
        all.extend(found);
        if are_many || all.len() > FEW {
            are_many = true;
            break;
        }
    }
    if !are_many {
        return all;
    }
    all.clear();
    let looked_at: Vec<bool> = run.lanes.iter().map(|lane| is_looked_at(lane)).collect();
    if !looked_at.contains(&true) {
        return all;
    }
    for place in lanes {
        let most = if looked_at[*place] { MORE_WORDS } else { WORDS };
        let found = of_lane(run, places, *place, window, most).0;
        all.extend(found.into_iter().filter(|arrow| looked_at[arrow.from] || looked_at[arrow.to]));
    }
    all.truncate(MOST);
    all
}

/// Paints a thin arrow straight up or down.
pub(super) fn paint(painter: &Painter, x: f32, from: f32, to: f32, ink: Color32) {
    let back = if to > from { -5.0 } else { 5.0 };
    painter.vline(x, egui::Rangef::new(from.min(to), from.max(to)), Stroke::new(1.0, ink));
    let tip = vec![pos2(x, to), pos2(x - 3.5, to + back), pos2(x + 3.5, to + back)];
    painter.add(Shape::convex_polygon(tip, ink, Stroke::NONE));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::TaskState;
    use crate::ui::sample;

    fn arrows(run: &RunView, looked_at: &str) -> Vec<(String, String)> {
        let places = Places::of(&run.lanes);
        let all: Vec<usize> = (0..run.lanes.len()).collect();
        let name = |place: usize| run.lanes[place].name.to_string();
        let found = in_sight(run, &places, &all, (0.0, 2.0), |lane| *lane.name == *looked_at);
        found.into_iter().map(|arrow| (name(arrow.from), name(arrow.to))).collect()
    }

    #[test]
    fn an_arrow_goes_from_who_woke_to_who_woke_up_and_there_is_none_where_nobody_is_known() {
        let run = sample::kernel_lanes();
        let found = arrows(&run, "");
        let has = |from: &str, to: &str| found.contains(&(from.to_owned(), to.to_owned()));
        assert!(has("broker", "painter") && has("main", "painter"), "a release, and a start: {found:?}");
        assert!(!found.iter().any(|(_, to)| to == "spinner"), "it was preempted, and nobody woke it");
    }

    #[test]
    fn the_end_of_a_wait_that_only_the_kernel_explains_has_an_arrow_under_any_later_name() {
        let piped = sample::pipeline();
        let found = arrows(&piped, "");
        assert_eq!(found, [("sh 4711".to_owned(), "sh 4712".to_owned()), ("sh 4712".to_owned(), "cat".to_owned())]);
        let places = Places::of(&piped.lanes);
        let named = |name: &str| places.named(&piped.lanes, name, &piped.lanes[2]);
        assert_eq!(
            [named("cat 4713"), named("cat 4714"), named("sh"), named("sh 4712"), named("")],
            [Some(2), None, Some(0), Some(1), None]
        );
        let wait = piped.lanes[2].states.get(1).expect("a wait");
        assert_eq!(piped.lanes[2].ended_by(&wait).as_deref(), Some("sh 4712"));
        let way = of_lane(&piped, &places, 2, (wait.from, wait.until.expect("over")), 10).0;
        assert_eq!(way, [Arrow { t: wait.until.expect("over"), from: 1, to: 2, lets_go_on: true }]);
    }

    #[test]
    fn of_many_arrows_only_those_of_the_lanes_that_somebody_looks_at_are_drawn() {
        let mut run = sample::run(1, "x");
        let piece = |index: u32, by: &str| {
            let at = f64::from(index) * 0.01;
            sample::Segment {
                woken_by: Some(by.into()),
                ..sample::segment(at, Some(at + 0.01), TaskState::Running, ["a", "b"][index as usize % 2])
            }
        };
        let lane = |id: u32, name: &str, by: &str| {
            sample::told_lane(id, name, 100 + id as i32, &(0..40).map(|i| piece(i, by)).collect::<Vec<_>>())
        };
        run.lanes = vec![lane(0, "a", "b"), lane(1, "b", "a"), lane(2, "c", "a")];
        assert!(arrows(&run, "").is_empty());
        let found = arrows(&run, "c");
        assert!(!found.is_empty() && found.iter().all(|(from, to)| from == "c" || to == "c"), "{found:?}");
    }
}
