//! Why threads wait: which waits the kernel is asked about, and the thread that asks. While nothing waits for long, nothing is asked.
//!
//! A wait is asked about once, at the moment at which it has lasted for long enough. Only where it is for a lock it is asked about again,
//! since the owner may change or become known while the wait lasts: seldom, and at once when the owner itself has begun to wait for an
//! owner, which may be the last link of a circle. Where there are more waits than looks, those that came last and those that have waited
//! for their turn longest go in turn. All looks together take a hundredth of a core's time at most.

use std::collections::{HashMap, HashSet, VecDeque};
use std::io;
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};

use crate::engine::drive::bell::Bell;
use crate::model::{Monotonic, Pid, RunId, Tid};
use crate::monitor::{Reasons, WaitReason};
use crate::sys::{foreign_proc, monotonic_now, rename_thread, start_thread, thread_cpu_time};

/// The time after which waits are looked for again: switch records come as often.
const LOOK: Duration = Duration::from_millis(33);
/// Questions in such a time: some thousand a second.
const MOST_AT_ONCE: usize = 32;
/// Questions without an answer: records of the time at which it was read come a tenth of a second later at most.
const MOST_OPEN: usize = 256;
/// Threads whose waits have their turn later. The others are asked for when there is room.
const MOST_QUEUED: usize = 4_096;
/// The looks may take this part of a core's time; and so much at once, after a time in which there was little to look at.
const PART: u32 = 100;
const AT_ONCE: Duration = Duration::from_millis(30);
/// The time after which an owner is read again. Where there is none it doubles each time, up to eightfold.
const AGAIN: Duration = Duration::from_secs(1);
const MOST_DOUBLED: u32 = 3;
/// Waits that are read again; half of them without an owner.
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
    /// The time from which on it is to be looked at: it has lasted for a while then, if it still does.
    pub(crate) due: Monotonic,
}

/// A question about a wait.
#[derive(Debug)]
struct Question {
    wait: Wait,
    /// The processes that may be at the other end of a pipe.
    relatives: Arc<[Pid]>,
    /// Whether records are to come that tell what the scheduler did until the answer: the engine wakes up for them anyway.
    has_records: bool,
}

/// The answer to a question.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) wait: Wait,
    /// When the look at it began and ended. By then the thread may be in a later wait.
    pub(crate) from: Monotonic,
    pub(crate) at: Monotonic,
    /// The core's time that the look took.
    took: Duration,
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
    /// The time up to which all was known at the last look for waits.
    looked_until: Option<Monotonic>,
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
            let mut later = Vec::new();
            while let Some(Question { wait, relatives, has_records }) = next_question(&asked, &mut later) {
                let (from, spent) = (monotonic_now(), thread_cpu_time());
                let reason = reasons.ask(wait.pid, wait.tid, &relatives);
                let (at, took) = (monotonic_now(), thread_cpu_time().saturating_sub(spent));
                if sender.send(Answer { wait, from, at, took, reason }).is_err() {
                    return;
                }
                // The engine takes the answers all at once.
                if !has_records && asked.is_empty() && later.iter().all(|question: &Question| question.wait.due > at) {
                    bell.ring();
                }
            }
        })?;
        let is_blind = foreign_proc().is_some();
        Ok(Self { questions, answers, is_blind, plan: Plan::default(), looked_until: None, early: None })
    }

    /// Whether waits are to be looked for now: there are new records, or, without them, it is time. `known_until` as for `next`.
    pub(crate) fn is_time_to_look(&mut self, now: Monotonic, known_until: Option<Monotonic>) -> bool {
        let has_more = std::mem::replace(&mut self.looked_until, known_until) != known_until;
        (has_more || now >= self.plan.look_at) && !self.is_blind
    }

    /// How many more waits it can take.
    pub(crate) fn room(&self) -> usize {
        MOST_QUEUED.saturating_sub(self.plan.queue.len())
    }

    /// These waits are new and have no reason, oldest first.
    pub(crate) fn add(&mut self, waits: impl Iterator<Item = Wait>) {
        self.plan.add(waits);
    }

    /// Asks what has its turn. `relatives` gives the processes of a run.
    pub(crate) fn ask(&mut self, now: Monotonic, mut relatives: impl FnMut(RunId) -> Vec<Pid>) {
        let mut known: HashMap<RunId, Arc<[Pid]>> = HashMap::new();
        for wait in self.plan.due(now) {
            let of_run = known.entry(wait.run).or_insert_with(|| {
                let all = relatives(wait.run);
                if all.len() > MOST_RELATIVES { Arc::default() } else { all.into() }
            });
            // There is room for as many as can be open.
            let (relatives, has_records) = (Arc::clone(of_run), self.looked_until.is_some());
            let _ = self.questions.try_send(Question { wait, relatives, has_records });
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

/// The question that is due first, once it is; `None` where there will be no more. `later` are those that were taken and are not due yet.
fn next_question(asked: &Receiver<Question>, later: &mut Vec<Question>) -> Option<Question> {
    loop {
        later.extend(asked.try_iter());
        let first = (0..later.len()).min_by_key(|&place| later[place].wait.due);
        let left = first.map(|place| later[place].wait.due.since(monotonic_now()));
        let came = match (first, left) {
            (Some(place), Some(Duration::ZERO)) => return Some(later.swap_remove(place)),
            (_, Some(left)) => asked.recv_timeout(left),
            (_, None) => asked.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        match came {
            Ok(question) => later.push(question),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return None,
        }
    }
}

/// A thread of a run.
type Key = (RunId, Pid, Tid);

impl Wait {
    const fn key(&self) -> Key {
        (self.run, self.pid, self.tid)
    }
}

/// Which waits are asked about, and when.
#[derive(Debug, Default)]
struct Plan {
    look_at: Monotonic,
    /// Threads that have their turn later, and the newest wait of each.
    queue: VecDeque<Key>,
    queued: HashMap<Key, Wait>,
    open: HashSet<Wait>,
    /// Waits for locks, with their owners.
    owned: HashMap<Key, Owned>,
    budget: Budget,
}

#[derive(Debug)]
struct Owned {
    wait: Wait,
    owner: Option<Tid>,
    again_at: Monotonic,
    /// How often it was read.
    looks: u32,
}

/// The time that looks may take: it comes at a steady pace, and what is not spent is saved up to a limit.
#[derive(Debug, Default)]
struct Budget {
    at: Monotonic,
    spent: Duration,
}

impl Budget {
    fn is_there(&mut self, now: Monotonic) -> bool {
        self.spent = self.spent.saturating_sub(now.since(self.at) / PART);
        self.at = self.at.max(now);
        self.spent < AT_ONCE
    }

    /// When there is some.
    fn next_at(&self) -> Monotonic {
        self.at + self.spent.saturating_sub(AT_ONCE) * PART
    }
}

impl Plan {
    fn add(&mut self, waits: impl Iterator<Item = Wait>) {
        for wait in waits {
            // A thread that is in the queue keeps its place there.
            if self.queued.insert(wait.key(), wait).is_none() {
                self.queue.push_back(wait.key());
            }
        }
    }

    fn due(&mut self, now: Monotonic) -> Vec<Wait> {
        self.look_at = now + LOOK;
        let room = if self.budget.is_there(now) { MOST_AT_ONCE.min(MOST_OPEN - self.open.len()) } else { 0 };
        let again = self.owned.values().filter(|owned| owned.again_at <= now).map(|owned| owned.wait);
        let again: Vec<Wait> = again.filter(|wait| !self.open.contains(wait)).take(room).collect();
        // New ones go first, but never alone.
        let old = again.len().min(room.saturating_sub(self.queue.len()).max(1));
        let mut due: Vec<Wait> = again.into_iter().take(old).collect();
        while due.len() < room {
            let is_newests_turn = due.len().is_multiple_of(2);
            let next = if is_newests_turn { self.queue.pop_back() } else { self.queue.pop_front() };
            let Some(key) = next else { break };
            due.extend(self.queued.remove(&key));
        }
        self.open.extend(&due);
        due
    }

    fn next_at(&self) -> Option<Monotonic> {
        let again = self.owned.values().filter(|owned| !self.open.contains(&owned.wait)).map(|owned| owned.again_at);
        let queued = (!self.queue.is_empty()).then_some(self.look_at);
        let next = queued.into_iter().chain(again.min().map(|at| at.max(self.look_at))).min();
        next.filter(|_| self.open.len() < MOST_OPEN).map(|at| at.max(self.budget.next_at()))
    }

    fn answered(&mut self, answer: &Answer, now: Monotonic) {
        let Answer { wait, reason, took, .. } = answer;
        self.budget.spent += *took;
        self.open.remove(wait);
        let key = wait.key();
        let Some(reason) = reason.as_ref().filter(|reason| reason.is_lock()) else {
            if self.owned.get(&key).is_some_and(|owned| owned.wait == *wait) {
                self.owned.remove(&key);
            }
            return;
        };
        let owner = reason.held_by;
        let known = self.owned.get(&key).filter(|owned| owned.wait == *wait && owned.owner == owner);
        let looks = known.map_or(0, |known| known.looks + 1);
        let most = if owner.is_some() { MOST_OWNED } else { MOST_OWNED / 2 };
        if looks == 0 && self.owned.len() >= most && !self.owned.contains_key(&key) {
            return;
        }
        let pause = if owner.is_some() { AGAIN } else { AGAIN * (1 << looks.min(MOST_DOUBLED)) };
        self.owned.insert(key, Owned { wait: *wait, owner, again_at: now + pause, looks });
        let mut next = owner;
        // Each is looked at once: the chain may be a circle.
        for _ in 0..if looks == 0 { self.owned.len() } else { 0 } {
            let of_owner = next.map(|owner| (wait.run, wait.pid, owner)).filter(|next| *next != key);
            let Some(owned) = of_owner.and_then(|of_owner| self.owned.get_mut(&of_owner)) else { break };
            owned.again_at = now;
            next = owned.owner;
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
        Wait { run: RunId::new(1), pid: Pid::new(10), tid: Tid::new(tid), since: at(0), due: at(15) }
    }

    fn answer(plan: &mut Plan, tid: i32, held_by: Option<i32>, now: u64) {
        let words = if held_by.is_some() { "lock 0x10" } else { "a timer" }.to_owned();
        let reason = WaitReason { held_by: held_by.map(Tid::new), words, ..WaitReason::default() };
        plan.answered(&told(tid, now, Some(reason)), at(now));
    }

    fn told(tid: i32, now: u64, reason: Option<WaitReason>) -> Answer {
        Answer { wait: wait(tid), from: at(now), at: at(now), took: Duration::from_micros(100), reason }
    }

    #[test]
    fn a_flood_of_waits_is_asked_about_at_a_pace_and_nothing_twice() {
        let mut plan = Plan::default();
        plan.add((0..4_000).map(wait));
        // All of them wait for something new.
        plan.add((0..4_000).map(|tid| Wait { since: at(1), ..wait(tid) }));
        assert_eq!(plan.queue.len(), 4_000, "a thread has one place");
        let mut asked = Vec::new();
        let mut turns = (1..).map(|turn| turn * 33);
        while !plan.queue.is_empty() {
            let now = turns.next().expect("endless");
            let due = plan.due(at(now));
            assert!(due.len() <= MOST_AT_ONCE && due.iter().all(|wait| wait.since == at(1)));
            if asked.is_empty() {
                let is_near_an_end = |wait: &Wait| !(16..3_984).contains(&wait.tid.number());
                assert!(due.len() == MOST_AT_ONCE && due.iter().all(is_near_an_end), "the last and the first in turn");
            }
            for wait in &due {
                plan.answered(&Answer { wait: *wait, ..told(0, now, None) }, at(now));
            }
            asked.extend(due);
        }
        assert_eq!((asked.len(), asked.iter().collect::<HashSet<_>>().len()), (4_000, 4_000));
        // 30 ms at once, and then 10 ms of a core each second: at 0.1 ms a look a hundred of them a second.
        let seconds = turns.next().expect("endless") / 1_000;
        assert!((36..=38).contains(&seconds), "{seconds} s");
        plan.open.clear();
        assert_eq!(plan.next_at(), None, "nothing waits for an owner");
    }

    #[test]
    fn without_answers_it_asks_no_more() {
        let mut plan = Plan::default();
        plan.add((0..1_000).map(wait));
        let asked: usize = (0..100).map(|turn| plan.due(at(turn * 33)).len()).sum();
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
        plan.answered(&told(1, 1_910, None), at(1_910));
        assert_eq!(plan.next_at(), None, "both wait no longer");
    }

    #[test]
    fn a_lock_without_an_owner_is_read_again_ever_less_often() {
        let mut plan = Plan::default();
        let unknown = || Some(WaitReason { words: WaitReason::UNKNOWN_LOCK.to_owned(), ..WaitReason::default() });
        plan.add(std::iter::once(wait(1)));
        let mut asked = Vec::new();
        for now in (0..30_000).step_by(50) {
            if !plan.due(at(now)).is_empty() {
                asked.push(now / 1_000);
                plan.answered(&told(1, now, unknown()), at(now));
            }
        }
        assert_eq!(asked, [0, 1, 3, 7, 15, 23]);
    }

    #[test]
    fn questions_have_their_turn_once_they_are_due() {
        let (questions, asked) = bounded(8);
        let now = monotonic_now();
        let ask = |tid, due| {
            let wait = Wait { due, ..wait(tid) };
            questions.send(Question { wait, relatives: Arc::default(), has_records: true }).expect("room");
        };
        ask(1, now + Duration::from_millis(20));
        ask(2, now + Duration::from_millis(10));
        ask(3, Monotonic::ZERO);
        let mut later = Vec::new();
        for tid in [3, 2, 1] {
            let Question { wait, .. } = next_question(&asked, &mut later).expect("a question");
            assert!(wait.tid == Tid::new(tid) && wait.due <= monotonic_now(), "{wait:?}");
        }
        ask(4, now + Duration::from_hours(1));
        drop(questions);
        assert!(next_question(&asked, &mut later).is_none(), "the engine's end is gone");
    }

    #[test]
    fn waits_are_looked_for_as_soon_as_there_are_new_records() {
        let mut reader = ReasonReader::start(Bell::new().expect("a descriptor")).expect("a thread");
        reader.ask(at(100), |_| Vec::new());
        let looks = [(105, Some(at(101))), (106, Some(at(101))), (107, Some(at(106))), (108, None), (109, None), (133, None)];
        let looks = looks.map(|(now, known_until)| reader.is_time_to_look(at(now), known_until));
        assert_eq!(looks, [true, false, true, true, false, true]);
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
