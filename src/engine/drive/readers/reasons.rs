//! Why threads wait: which waits the kernel is asked about, and the thread that asks. While nothing waits for long, nothing is asked.
//!
//! A wait is asked about once. Only where a lock has an owner it is asked about again, since the owner may change while the wait lasts: seldom,
//! and at once when the owner itself has begun to wait for an owner, which may be the last link of a circle.

use std::collections::{HashMap, HashSet, VecDeque};
use std::io;
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded};

use crate::engine::drive::bell::Bell;
use crate::model::{Monotonic, Pid, RunId, Tid};
use crate::monitor::{Reasons, WaitReason};
use crate::sys::{foreign_proc, monotonic_now, rename_thread, start_thread};

/// The time after which waits are looked for again.
const LOOK: Duration = Duration::from_millis(15);
/// Questions in such a time: 200 a second.
const MOST_AT_ONCE: usize = 3;
/// Questions without an answer: records of the time at which it was read come a tenth of a second later at most.
const MOST_OPEN: usize = 64;
/// Waits that have their turn later. With more of them, the oldest stay without a reason.
const MOST_QUEUED: usize = 4_096;
/// The time after which an owner is read again.
const AGAIN: Duration = Duration::from_secs(1);
/// Waits whose owners are read again.
const MOST_OWNED: usize = 1_024;
/// Processes of a run that may be at the other end of a pipe; with more of them nobody is looked for there.
const MOST_RELATIVES: usize = 64;

/// A wait, as a run knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Wait {
    pub(crate) run: RunId,
    pub(crate) pid: Pid,
    pub(crate) tid: Tid,
    /// Its start, in the run's time.
    pub(crate) since: Monotonic,
}

/// A question about a wait, with the processes that may be at the other end of a pipe.
type Question = (Wait, Arc<[Pid]>);

/// The answer to a question.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) wait: Wait,
    /// When it was read.
    pub(crate) at: Monotonic,
    /// `None`: the thread does not wait.
    pub(crate) reason: Option<WaitReason>,
}

/// The engine's end of the thread. Dropping it ends the thread.
#[derive(Debug)]
pub(crate) struct ReasonReader {
    questions: Sender<Question>,
    answers: Receiver<Answer>,
    /// Whether /proc is another PID namespace's: there the numbers of ours are other threads.
    is_blind: bool,
    plan: Plan,
    /// An answer that may be about a later wait: what the scheduler did until then has not all come in.
    early: Option<Answer>,
}

impl ReasonReader {
    pub(crate) fn start(bell: Bell) -> io::Result<Self> {
        let (questions, asked) = bounded::<Question>(MOST_OPEN);
        let (sender, answers) = bounded(MOST_OPEN);
        let mut reasons = Reasons::new().map_err(io::Error::other)?;
        start_thread("reasons", move || {
            let _ = rename_thread("reasons");
            for (wait, relatives) in asked {
                let reason = reasons.ask(wait.pid, wait.tid, &relatives);
                if sender.send(Answer { wait, at: monotonic_now(), reason }).is_err() {
                    return;
                }
                bell.ring();
            }
        })?;
        Ok(Self { questions, answers, is_blind: foreign_proc().is_some(), plan: Plan::default(), early: None })
    }

    /// Whether waits are to be looked for now.
    pub(crate) fn is_time_to_look(&self, now: Monotonic) -> bool {
        now >= self.plan.look_at && !self.is_blind
    }

    /// These waits are new and have no reason.
    pub(crate) fn add(&mut self, waits: impl Iterator<Item = Wait>) {
        self.plan.add(waits);
    }

    /// Asks what is due. `relatives` gives the processes of a run.
    pub(crate) fn ask(&mut self, now: Monotonic, mut relatives: impl FnMut(RunId) -> Vec<Pid>) {
        for wait in self.plan.due(now) {
            let mut relatives = relatives(wait.run);
            if relatives.len() > MOST_RELATIVES {
                relatives.clear();
            }
            // There is room for as many as can be open.
            let _ = self.questions.try_send((wait, relatives.into()));
        }
    }

    /// When something is due although nothing has happened.
    pub(crate) fn next_deadline(&self) -> Option<Monotonic> {
        self.plan.next_at().filter(|_| !self.is_blind)
    }

    /// The next answer. `known_until` is the time up to which all is known that the scheduler did; `None` where that never is.
    pub(crate) fn next(&mut self, now: Monotonic, known_until: Option<Monotonic>) -> Option<Answer> {
        let answer = self.early.take().or_else(|| self.answers.try_recv().ok())?;
        if known_until.is_some_and(|until| answer.at > until) {
            self.early = Some(answer);
            return None;
        }
        self.plan.answered(&answer, now);
        Some(answer)
    }
}

/// Which waits are asked about, and when.
#[derive(Debug, Default)]
struct Plan {
    look_at: Monotonic,
    queue: VecDeque<Wait>,
    open: HashSet<Wait>,
    /// Waits for something that has an owner, by run, process and thread.
    owned: HashMap<(RunId, Pid, Tid), Owned>,
}

#[derive(Debug)]
struct Owned {
    wait: Wait,
    owner: Tid,
    again_at: Monotonic,
}

impl Plan {
    fn add(&mut self, waits: impl Iterator<Item = Wait>) {
        self.queue.extend(waits);
        let excess = self.queue.len().saturating_sub(MOST_QUEUED);
        self.queue.drain(..excess);
    }

    fn due(&mut self, now: Monotonic) -> Vec<Wait> {
        self.look_at = now + LOOK;
        let room = MOST_AT_ONCE.min(MOST_OPEN - self.open.len());
        let again = self.owned.values().filter(|owned| owned.again_at <= now).map(|owned| owned.wait);
        let again: Vec<Wait> = again.filter(|wait| !self.open.contains(wait)).take(room).collect();
        // New ones go first, but never alone.
        let old = again.len().min(room.saturating_sub(self.queue.len()).max(1));
        let new = self.queue.len().min(room - old);
        let due: Vec<Wait> = again.into_iter().take(old).chain(self.queue.drain(..new)).collect();
        self.open.extend(&due);
        due
    }

    fn next_at(&self) -> Option<Monotonic> {
        let again = self.owned.values().filter(|owned| !self.open.contains(&owned.wait)).map(|owned| owned.again_at);
        let queued = (!self.queue.is_empty() && self.open.len() < MOST_OPEN).then_some(self.look_at);
        queued.into_iter().chain(again.min().map(|at| at.max(self.look_at))).min()
    }

    fn answered(&mut self, answer: &Answer, now: Monotonic) {
        let Answer { wait, reason, .. } = answer;
        self.open.remove(wait);
        let key = (wait.run, wait.pid, wait.tid);
        let Some(owner) = reason.as_ref().and_then(|reason| reason.held_by) else {
            if self.owned.get(&key).is_some_and(|owned| owned.wait == *wait) {
                self.owned.remove(&key);
            }
            return;
        };
        let is_new = self.owned.get(&key).is_none_or(|owned| owned.wait != *wait || owned.owner != owner);
        if is_new && self.owned.len() >= MOST_OWNED && !self.owned.contains_key(&key) {
            return;
        }
        self.owned.insert(key, Owned { wait: *wait, owner, again_at: now + AGAIN });
        let mut next = (wait.run, wait.pid, owner);
        // Each is looked at once: the chain may be a circle.
        for _ in 0..if is_new { self.owned.len() } else { 0 } {
            let Some(owned) = self.owned.get_mut(&next).filter(|_| next != key) else { break };
            owned.again_at = now;
            next.2 = owned.owner;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Monotonic {
        Monotonic::from_nanos(millis * 1_000_000)
    }

    fn wait(tid: i32) -> Wait {
        Wait { run: RunId::new(1), pid: Pid::new(10), tid: Tid::new(tid), since: at(0) }
    }

    fn answer(plan: &mut Plan, tid: i32, held_by: Option<i32>, now: u64) {
        let reason = WaitReason { held_by: held_by.map(Tid::new), ..WaitReason::default() };
        plan.answered(&Answer { wait: wait(tid), at: at(now), reason: Some(reason) }, at(now));
    }

    #[test]
    fn a_flood_of_waits_is_asked_about_at_a_pace_and_nothing_twice() {
        let mut plan = Plan::default();
        plan.add((0..10_000).map(wait));
        assert_eq!(plan.queue.len(), MOST_QUEUED);
        let mut asked = Vec::new();
        for turn in 0..100 {
            let now = turn * 15;
            let due = plan.due(at(now));
            assert!(due.len() <= MOST_AT_ONCE);
            for wait in &due {
                answer(&mut plan, wait.tid.number(), None, now);
            }
            asked.extend(due);
        }
        assert_eq!((asked.len(), asked.iter().collect::<HashSet<_>>().len()), (300, 300));
        assert!(plan.next_at().is_some());
        plan.queue.clear();
        assert_eq!(plan.next_at(), None, "nothing waits for an owner");
    }

    #[test]
    fn without_answers_it_asks_no_more() {
        let mut plan = Plan::default();
        plan.add((0..1_000).map(wait));
        let asked: usize = (0..100).map(|turn| plan.due(at(turn * 15)).len()).sum();
        assert_eq!((asked, plan.next_at()), (MOST_OPEN, None));
    }

    #[test]
    fn an_owner_is_read_again_now_and_then_and_at_once_when_it_waits_itself() {
        let mut plan = Plan::default();
        plan.add([wait(1), wait(2), wait(3)].into_iter());
        assert_eq!(plan.due(at(0)).len(), 3);
        answer(&mut plan, 1, Some(2), 5);
        answer(&mut plan, 3, None, 5);
        assert_eq!((plan.next_at(), plan.due(at(900))), (Some(at(1_005)), Vec::new()));
        answer(&mut plan, 2, Some(1), 905);
        assert_eq!(plan.due(at(915)), [wait(1)], "the circle may be closed now");
        answer(&mut plan, 1, Some(2), 920);
        assert_eq!(plan.due(at(1_000)), [], "nothing new");
        assert_eq!(plan.due(at(1_905)), [wait(2)]);
        answer(&mut plan, 2, None, 1_910);
        plan.answered(&Answer { wait: wait(1), at: at(1_910), reason: None }, at(1_910));
        assert_eq!(plan.next_at(), None, "both wait no longer");
    }

    #[test]
    fn an_answer_counts_once_all_is_known_up_to_it() {
        let mut reader = ReasonReader::start(Bell::new().expect("a descriptor")).expect("a thread");
        let nobody = Wait { pid: Pid::new(i32::MAX), ..wait(1) };
        reader.add(std::iter::once(nobody));
        reader.ask(monotonic_now(), |_| Vec::new());
        let end = monotonic_now() + Duration::from_mins(1);
        while reader.early.is_none() && monotonic_now() < end {
            assert!(reader.next(monotonic_now(), Some(Monotonic::ZERO)).is_none());
            std::thread::yield_now();
        }
        let now = monotonic_now();
        let answer = reader.next(now, Some(now)).expect("it was early");
        assert!(answer.wait == nobody && answer.reason.is_none() && answer.at <= now && reader.plan.open.is_empty());
    }
}
