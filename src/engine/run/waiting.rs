//! Waits on the children of a run: on one, on any, on all; with a time limit or without. Pure: ended children go in, children to reap and
//! answers come out. On the engine's thread.

use std::collections::{HashSet, VecDeque};

use crate::model::{Ended, EventKind, ExitStatus, Monotonic, Pid, WaitKind};

/// A child of the run, and how it ended once it has. The status stays, however often it is asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Child {
    pub(crate) pid: Pid,
    pub(crate) status: Option<ExitStatus>,
    /// Whether it was waited on: until then it is a zombie.
    pub(crate) is_reaped: bool,
}

/// The children that a wait is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WaitTarget {
    One(Pid),
    Any,
    All,
}

#[derive(Debug)]
struct PendingWait {
    target: WaitTarget,
    until: Option<Monotonic>,
    /// The child that a wait on any has got, once it is known.
    given: Option<Pid>,
}

/// Waits without an answer yet.
#[derive(Debug, Default)]
pub(crate) struct Waiting {
    waits: Vec<PendingWait>,
    /// Children that have ended, in the order of their ends, and that no wait has returned yet.
    fresh: VecDeque<Pid>,
    /// Children that the supervisor was asked to reap.
    requested: HashSet<Pid>,
}

impl Waiting {
    /// A wait begins; it lasts until `until` at most.
    pub(crate) fn add(&mut self, target: WaitTarget, until: Option<Monotonic>) {
        self.waits.push(PendingWait { target, until, given: None });
    }

    /// A child has ended.
    pub(crate) fn ended(&mut self, pid: Pid) {
        self.fresh.push_back(pid);
    }

    /// When [`settle`](Self::settle) has something to do although no child has ended.
    pub(crate) fn next_deadline(&self) -> Option<Monotonic> {
        self.waits.iter().filter(|wait| wait.given.is_none()).filter_map(|wait| wait.until).min()
    }

    /// The children to reap now, and the answers. A run without children yet answers no wait; one that is over (`is_over`) answers all.
    pub(crate) fn settle(&mut self, children: &[Child], now: Monotonic, is_over: bool) -> (Vec<Pid>, Vec<EventKind>) {
        let (mut to_reap, mut answers) = (Vec::new(), Vec::new());
        if children.is_empty() && !is_over {
            return (to_reap, answers);
        }
        for mut wait in std::mem::take(&mut self.waits) {
            match self.answer(&mut wait, children, now, is_over, &mut to_reap) {
                Some(answer) => answers.push(answer),
                None => self.waits.push(wait),
            }
        }
        to_reap.retain(|pid| self.requested.insert(*pid));
        (to_reap, answers)
    }

    fn answer(
        &mut self,
        wait: &mut PendingWait,
        children: &[Child],
        now: Monotonic,
        is_over: bool,
        to_reap: &mut Vec<Pid>,
    ) -> Option<EventKind> {
        let zombies = children.iter().filter(|child| child.status.is_some() && !child.is_reaped).map(|child| child.pid);
        let is_waited = |pid: Pid| children.iter().any(|child| child.pid == pid && child.is_reaped);
        let is_late = is_over || wait.until.is_some_and(|until| now >= until);
        let (action, wanted): (_, Vec<Pid>) = match wait.target {
            WaitTarget::One(pid) if is_waited(pid) || is_over => (WaitKind::One, vec![pid]),
            WaitTarget::One(_) => return None,
            WaitTarget::All => {
                to_reap.extend(zombies);
                if !is_late && !children.iter().all(|child| child.is_reaped) {
                    return None;
                }
                (WaitKind::All, children.iter().map(|child| child.pid).collect())
            }
            WaitTarget::Any => {
                wait.given = wait.given.or_else(|| self.fresh.pop_front());
                match wait.given {
                    Some(pid) if is_waited(pid) || is_over => (WaitKind::Any, vec![pid]),
                    Some(pid) => {
                        to_reap.push(pid);
                        return None;
                    }
                    // All children were returned before: one more wait gets them all again.
                    None if children.iter().all(|child| child.is_reaped) => {
                        (WaitKind::Any, children.iter().map(|child| child.pid).collect())
                    }
                    None if is_late => (WaitKind::Any, Vec::new()),
                    None => return None,
                }
            }
        };
        let wanted = |child: &&Child| wanted.contains(&child.pid);
        let ended = |child: &Child| child.status.filter(|_| child.is_reaped).map(|status| Ended { pid: child.pid, status });
        let done: Vec<Ended> = children.iter().filter(wanted).filter_map(ended).collect();
        self.fresh.retain(|pid| done.iter().all(|one| one.pid != *pid));
        let pending = children.iter().filter(|child| child.status.is_none()).map(|child| child.pid).collect();
        Some(EventKind::Waited { action, done, pending })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Monotonic {
        Monotonic::from_secs(seconds as f64)
    }

    /// Children 1, 2 and 3, of which these have ended with their own number; a zombie unless it was `reaped`.
    fn children(ended: &[i32], reaped: &[i32]) -> Vec<Child> {
        let child = |number| Child {
            pid: Pid::new(number),
            status: ended.contains(&number).then_some(ExitStatus::Exited(number)),
            is_reaped: reaped.contains(&number),
        };
        [1, 2, 3].map(child).to_vec()
    }

    /// (the children that are returned, the pending ones)
    fn numbers_of(answers: &[EventKind]) -> Vec<(Vec<i32>, Vec<i32>)> {
        let numbers = |answer: &EventKind| match answer {
            EventKind::Waited { done, pending, .. } => {
                assert!(done.iter().all(|one| one.status == ExitStatus::Exited(one.pid.number())));
                (done.iter().map(|one| one.pid.number()).collect(), pending.iter().map(|pid| pid.number()).collect())
            }
            other => panic!("{other:?}"),
        };
        answers.iter().map(numbers).collect()
    }

    /// Covers: fact 4, fact 49, fact 60.
    #[test]
    fn any_gives_each_child_once_in_the_order_of_their_ends_and_then_all_of_them() {
        let mut waiting = Waiting::default();
        waiting.add(WaitTarget::Any, None);
        assert!(waiting.settle(&[], at(0), false).1.is_empty(), "nothing has started");
        assert_eq!(waiting.settle(&children(&[], &[]), at(0), false), (vec![], vec![]));
        waiting.ended(Pid::new(3));
        waiting.ended(Pid::new(1));
        let (to_reap, answers) = waiting.settle(&children(&[3, 1], &[]), at(1), false);
        assert_eq!((to_reap, answers), (vec![Pid::new(3)], vec![]), "the first to end, and it alone");
        assert_eq!(waiting.settle(&children(&[3, 1], &[]), at(1), false).0, vec![], "asked for once");
        assert_eq!(numbers_of(&waiting.settle(&children(&[3, 1], &[3]), at(1), false).1), [(vec![3], vec![2])]);
        waiting.add(WaitTarget::Any, None);
        assert_eq!(numbers_of(&waiting.settle(&children(&[3, 1], &[3, 1]), at(1), false).1), [(vec![1], vec![2])]);
        waiting.add(WaitTarget::Any, None);
        assert!(waiting.settle(&children(&[3, 1], &[3, 1]), at(1), false).1.is_empty(), "2 runs");
        waiting.ended(Pid::new(2));
        let all = children(&[1, 2, 3], &[1, 2, 3]);
        assert_eq!(numbers_of(&waiting.settle(&all, at(2), false).1), [(vec![2], vec![])]);
        for _ in 0..2 {
            waiting.add(WaitTarget::Any, None);
            assert_eq!(numbers_of(&waiting.settle(&all, at(3), false).1), [(vec![1, 2, 3], vec![])], "the same, however often");
        }
    }

    /// Covers: fact 4, fact 5, fact 60.
    #[test]
    fn all_waits_for_everybody_and_a_limit_names_who_is_missing() {
        let mut waiting = Waiting::default();
        waiting.add(WaitTarget::All, Some(at(5)));
        waiting.add(WaitTarget::Any, Some(at(5)));
        assert_eq!(waiting.next_deadline(), Some(at(5)));
        assert_eq!(
            numbers_of(&waiting.settle(&children(&[], &[]), at(5), false).1),
            [(vec![], vec![1, 2, 3]), (vec![], vec![1, 2, 3])]
        );
        waiting.add(WaitTarget::All, None);
        waiting.add(WaitTarget::One(Pid::new(2)), None);
        waiting.ended(Pid::new(2));
        let (to_reap, answers) = waiting.settle(&children(&[2], &[]), at(6), false);
        assert_eq!((to_reap, answers), (vec![Pid::new(2)], vec![]));
        assert_eq!(numbers_of(&waiting.settle(&children(&[2], &[2]), at(6), false).1), [(vec![2], vec![1, 3])], "the one");
        waiting.ended(Pid::new(1));
        waiting.ended(Pid::new(3));
        let all = children(&[1, 2, 3], &[1, 2, 3]);
        assert_eq!(numbers_of(&waiting.settle(&all, at(7), false).1), [(vec![1, 2, 3], vec![])]);
        waiting.add(WaitTarget::One(Pid::new(2)), None);
        assert_eq!(numbers_of(&waiting.settle(&all, at(8), false).1), [(vec![2], vec![])], "again, the same");
    }

    #[test]
    fn a_run_that_is_over_leaves_nobody_waiting() {
        let mut waiting = Waiting::default();
        for target in [WaitTarget::All, WaitTarget::Any, WaitTarget::One(Pid::new(9))] {
            waiting.add(target, None);
        }
        waiting.ended(Pid::new(1));
        let (_, answers) = waiting.settle(&children(&[1], &[1]), at(1), true);
        assert_eq!(numbers_of(&answers), [(vec![1], vec![2, 3]), (vec![], vec![2, 3]), (vec![], vec![2, 3])]);
        assert!(waiting.settle(&children(&[1], &[1]), at(1), true).1.is_empty());
    }
}
