//! Findings that concern several tasks: deadlocks, and locks whose holder has ended. Pure; the engine looks ten times a second while a
//! run goes on.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use crate::engine::fold::texts::cut_text;
use crate::engine::fold::timeline::lanes::{Lanes, Waiter};
use crate::model::{Monotonic, RunFinding};

/// How long all waits of a circle must have lasted, since the events of two tasks may arrive one after the other.
const LASTING: Duration = Duration::from_millis(150);

/// The beginning of the words for the end of another thread.
pub(crate) const END_OF: &str = "the end of ";

/// How long a holder must be gone: a task that waits for its end takes a moment to wake up.
const GONE: Duration = Duration::from_millis(500);

/// Findings at the same time, at most: nobody reads more.
const MOST: usize = 64;

/// The findings that hold now. One that holds no longer is told once more, as over.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    now: Vec<Found>,
}

#[derive(Debug)]
struct Found {
    finding: RunFinding,
    /// When the last of its waits began.
    since: Monotonic,
}

impl Findings {
    /// Findings that are new or over since the last call.
    pub(crate) fn look(&mut self, lanes: &Lanes, now: Monotonic) -> Vec<RunFinding> {
        let waiting: HashMap<&str, Waiter<'_>> =
            lanes.waiting().filter(|(_, waiter)| now.since(waiter.since) >= LASTING).collect();
        let mut found = Vec::new();
        let circles = circles(&waiting);
        let mut tasks: Vec<&str> = waiting.keys().copied().collect();
        tasks.sort_unstable();
        for task in tasks {
            if found.len() >= MOST {
                break;
            }
            let (finding, since) = if let Some(circle) = circles.get(task) {
                let since = last_begun(&waiting, circle);
                let is_known = |known: &Found| known.since == since && known.finding.tasks == *circle;
                if !is_sure(&waiting, circle, since) && !self.now.iter().any(is_known) {
                    continue;
                }
                (deadlock(&waiting, circle), since)
            } else if let Some(waiter) = waiting.get(task).filter(|waiter| waiter.is_left_alone(lanes, now)) {
                (abandoned(task, waiter), waiter.since)
            } else {
                continue;
            };
            found.push(Found { finding, since });
        }
        let has = |all: &[Found], one: &Found| {
            all.iter().any(|other| other.finding.id == one.finding.id && other.finding.tasks == one.finding.tasks)
        };
        let over = self.now.iter().filter(|known| !has(&found, known)).map(|known| known.finding.over());
        let mut news: Vec<RunFinding> = over.collect();
        news.extend(found.iter().filter(|new| !has(&self.now, new)).map(|new| new.finding.clone()));
        self.now = found;
        news
    }
}

impl Waiter<'_> {
    /// Whether it waits for a lock whose holder has ended.
    fn is_left_alone(&self, lanes: &Lanes, now: Monotonic) -> bool {
        self.on.starts_with("lock") && lanes.ended_at(self.held_by).is_some_and(|at| now.since(at) >= GONE)
    }
}

/// All circles, each under its alphabetically first member. A task waits for at most one other, so each task is visited once.
fn circles<'a>(waiting: &HashMap<&'a str, Waiter<'a>>) -> HashMap<&'a str, Vec<&'a str>> {
    let (mut circles, mut seen) = (HashMap::new(), HashSet::new());
    for task in waiting.keys() {
        let (mut walk, mut places) = (Vec::new(), HashMap::new());
        let mut next = Some(*task);
        while let Some(task) = next.filter(|task| seen.insert(*task)) {
            places.insert(task, walk.len());
            walk.push(task);
            next = waiting.get(task).and_then(|waiter| waiting.get_key_value(waiter.held_by)).map(|(task, _)| *task);
        }
        if let Some(place) = next.and_then(|task| places.get(task)) {
            let mut circle = walk.split_off(*place);
            let first = (0..circle.len()).min_by_key(|index| circle[*index]).unwrap_or_default();
            circle.rotate_left(first);
            circles.insert(circle[0], circle);
        }
    }
    circles
}

/// When the last wait of a circle began.
fn last_begun(waiting: &HashMap<&str, Waiter<'_>>, circle: &[&str]) -> Monotonic {
    circle.iter().filter_map(|task| waiting.get(task)).map(|waiter| waiter.since).max().unwrap_or_default()
}

/// Whether all its waits lasted at one time, with these holders: one that the kernel told of before may have let go since.
fn is_sure(waiting: &HashMap<&str, Waiter<'_>>, circle: &[&str], since: Monotonic) -> bool {
    let waiters = || circle.iter().filter_map(|task| waiting.get(task));
    let last_read = waiters().filter_map(|waiter| waiter.read).max();
    waiters().all(|waiter| waiter.read.is_none_or(|read| read >= since) && (waiter.until.is_none() || waiter.until >= last_read))
}

fn deadlock(waiting: &HashMap<&str, Waiter<'_>>, circle: &[&str]) -> RunFinding {
    let links: Vec<String> = circle
        .iter()
        .filter_map(|task| waiting.get(task))
        .map(|Waiter { on, held_by, .. }| match on.strip_prefix(END_OF) {
            // Nobody holds the end of a thread.
            Some(_) => format!("waits for {on}"),
            None => format!("waits for {on}, held by {held_by}"),
        })
        .collect();
    let mut text = format!("Deadlock: {} {}.", circle[0], links.join(", which "));
    cut_text(&mut text);
    RunFinding {
        id: RunFinding::DEADLOCK.to_owned(),
        text,
        tasks: circle.iter().map(|task| (*task).to_owned()).collect(),
        is_over: false,
    }
}

fn abandoned(task: &str, waiter: &Waiter<'_>) -> RunFinding {
    let Waiter { on, held_by, .. } = waiter;
    RunFinding {
        id: RunFinding::ABANDONED.to_owned(),
        text: format!(
            "Nobody can let {task} go on: it waits for {on}, and {held_by}, which held it, has ended without releasing it."
        ),
        tasks: vec![task.to_owned(), (*held_by).to_owned()],
        is_over: false,
    }
}

impl RunFinding {
    /// The same finding, as over.
    fn over(&self) -> Self {
        let who = self.tasks.first().map_or("", String::as_str);
        let mut text = if self.id == Self::DEADLOCK {
            format!("The deadlock of {} is over.", self.tasks.join(" and "))
        } else {
            format!("{who} no longer waits for somebody who is gone.")
        };
        cut_text(&mut text);
        Self { text, is_over: true, ..self.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::fold::timeline::lanes::Told;
    use crate::engine::fold::timeline::reasons::Explanation;
    use crate::model::{Pid, TaskSort, TaskState, Tid};

    const PID: Pid = Pid::new(10);

    fn at(millis: u64) -> Monotonic {
        Monotonic::from_nanos(millis * 1_000_000)
    }

    fn lanes(tasks: &[&str]) -> Lanes {
        let mut lanes = Lanes::default();
        for (number, task) in (11..).zip(tasks) {
            lanes.task_started(at(0), task, TaskSort::Thread, PID, Some(Tid::new(number)), None);
        }
        lanes
    }

    const fn told<'a>(state: TaskState, on: Option<&'a str>, held_by: Option<&'a str>) -> Told<'a> {
        Told { state, on, held_by, woken_by: None, line: None, until: None }
    }

    fn wait(lanes: &mut Lanes, t: u64, task: &str, on: &str, held_by: &str) {
        lanes.task_changed(at(t), task, told(TaskState::Waiting, Some(on), Some(held_by)), PID);
    }

    fn texts(findings: &[RunFinding]) -> Vec<&str> {
        findings.iter().map(|finding| finding.text.as_str()).collect()
    }

    #[test]
    fn a_circle_is_found_once_named_in_order_and_told_when_it_is_over() {
        let mut lanes = lanes(&["w2", "w1", "main"]);
        let mut findings = Findings::default();
        wait(&mut lanes, 10, "w1", "lock B", "w2");
        wait(&mut lanes, 11, "main", "w1", "w1");
        assert!(findings.look(&lanes, at(400)).is_empty(), "w2 can still release it");
        wait(&mut lanes, 400, "w2", "lock A", "w1");
        assert!(findings.look(&lanes, at(450)).is_empty(), "it has not lasted");
        let found = findings.look(&lanes, at(600));
        assert_eq!(texts(&found), ["Deadlock: w1 waits for lock B, held by w2, which waits for lock A, held by w1."]);
        assert_eq!(found[0].tasks, ["w1", "w2"], "main waits for one of them and is in no circle");
        assert!(findings.look(&lanes, at(700)).is_empty(), "told once");
        lanes.task_changed(at(800), "w2", told(TaskState::Running, None, None), PID);
        assert_eq!(texts(&findings.look(&lanes, at(800))), ["The deadlock of w1 and w2 is over."]);
    }

    /// `who` waits for a lock since `t`; `holder` was read at `read`, and the wait is known to last until then.
    fn kernel_says(lanes: &mut Lanes, t: u64, read: u64, who: i32, holder: i32) {
        let tid = Tid::new(who);
        lanes.thread_waits(at(t), PID, tid, "a lock");
        let reason = Explanation {
            from: at(t),
            words: &format!("lock 0x{holder}"),
            is_timer: false,
            is_stopped: false,
            held_by: Some(Tid::new(holder)),
            wakers: None,
        };
        lanes.explained(at(read), PID, tid, reason);
    }

    #[test]
    fn a_circle_of_owners_is_sure_once_all_were_read_while_all_waited() {
        let (mut lanes, mut findings) = (lanes(&["left", "right"]), Findings::default());
        kernel_says(&mut lanes, 100, 120, 11, 12);
        kernel_says(&mut lanes, 500, 520, 12, 11);
        lanes.thread_waits(at(600), PID, Tid::new(11), "a lock");
        lanes.thread_waits(at(600), PID, Tid::new(12), "a lock");
        assert!(findings.look(&lanes, at(700)).is_empty(), "right may have let go between the two looks");
        kernel_says(&mut lanes, 100, 710, 11, 12);
        assert!(findings.look(&lanes, at(720)).is_empty(), "right may have let go since it was last seen");
        lanes.thread_waits(at(725), PID, Tid::new(11), "a lock");
        lanes.thread_waits(at(725), PID, Tid::new(12), "a lock");
        let found = findings.look(&lanes, at(730));
        assert_eq!(
            texts(&found),
            ["Deadlock: left waits for lock 0x12, held by right, which waits for lock 0x11, held by left."]
        );
        kernel_says(&mut lanes, 100, 800, 11, 12);
        assert!(findings.look(&lanes, at(810)).is_empty(), "it was sure once, and lasts");
        lanes.thread_waits(at(850), PID, Tid::new(12), "");
        assert_eq!(texts(&findings.look(&lanes, at(860))), ["The deadlock of left and right is over."]);
    }

    #[test]
    fn a_holder_that_ended_with_the_lock_is_remembered_by_who_waited_before() {
        let (mut lanes, mut findings) = (lanes(&["holder", "waiter"]), Findings::default());
        kernel_says(&mut lanes, 100, 120, 12, 11);
        lanes.task_finished(at(200), "holder", "ok");
        let unknown = Explanation {
            from: at(100),
            words: "a lock (owner unknown)",
            is_timer: false,
            is_stopped: false,
            held_by: None,
            wakers: None,
        };
        lanes.explained(at(300), PID, Tid::new(12), unknown);
        let found = findings.look(&lanes, at(900));
        assert!(
            found.len() == 1 && found[0].text.contains("waits for lock 0x11, and holder, which held it, has ended"),
            "{found:?}"
        );
    }

    #[test]
    fn the_longest_circle_is_found_in_no_time_and_told_in_a_short_text() {
        let names: Vec<String> = (0..2_000).map(|number| format!("{number:0250}")).collect();
        let mut lanes = lanes(&names.iter().map(String::as_str).collect::<Vec<_>>());
        for (number, name) in names.iter().enumerate() {
            wait(&mut lanes, 1, name, "it", &names[(number + 7) % 2_000]);
        }
        let found = Findings::default().look(&lanes, at(500));
        assert_eq!((found.len(), found[0].tasks.len()), (1, 2_000));
        assert!(found[0].text.len() < 5_000 && found[0].over().text.len() < 5_000);
    }

    #[test]
    fn two_circles_are_two_findings_and_waiting_for_oneself_is_one() {
        let mut lanes = lanes(&["a", "b", "c", "d", "e"]);
        for (task, holder) in [("a", "b"), ("b", "a"), ("c", "d"), ("d", "c"), ("e", "e")] {
            wait(&mut lanes, 1, task, "it", holder);
        }
        let found = Findings::default().look(&lanes, at(500));
        assert_eq!(found.iter().map(|finding| finding.tasks.join("")).collect::<Vec<_>>(), ["ab", "cd", "e"]);
    }

    #[test]
    fn a_lock_whose_holder_has_ended_names_the_culprit() {
        let mut lanes = lanes(&["a", "b"]);
        lanes.task_finished(at(1), "b", "ok");
        wait(&mut lanes, 2, "a", "lock counter", "b");
        assert!(Findings::default().look(&lanes, at(400)).is_empty(), "who waits may be about to wake");
        let found = Findings::default().look(&lanes, at(600));
        assert_eq!((found.len(), found[0].id.as_str()), (1, "abandoned"));
        assert!(found[0].text.contains("waits for lock counter, and b, which held it, has ended"), "{}", found[0].text);
    }
}
