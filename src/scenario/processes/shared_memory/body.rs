//! Private and shared memory: one variable, changed by a child process, by a thread, and by the parent (concept 5).
//! The child is forked while the body has one thread; the thread is started afterwards.

use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use crate::model::{Fact, TaskSort};
use crate::scenario::card::{Facts, Params, equals};
use crate::scenario::lesson::children::{Child, Fork};
use crate::scenario::lesson::forks::is_given_up;
use crate::scenario::lesson::{Lesson, LessonError, Task};
use crate::sys::{SharedNumber, exit_now, is_readable};

/// Who can change something.
const WHO: [&str; 3] = ["child", "thread", "parent"];

/// The two numbers: one in ordinary memory, one in memory that processes share.
struct Boxes {
    x: AtomicU64,
    shared: SharedNumber,
}

impl Boxes {
    fn change(&self, step: u64) {
        self.x.fetch_add(step, SeqCst);
        self.shared.fetch_add(step, SeqCst);
    }

    /// What whoever calls this sees: x, the shared number, and where x is.
    fn look(&self) -> Look {
        Look { x: self.x.load(SeqCst), shared: self.shared.load(SeqCst), address: &raw const self.x as u64 }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Look {
    x: u64,
    shared: u64,
    address: u64,
}

pub(super) fn run(lesson: &Lesson, params: &Params) -> Result<Facts, LessonError> {
    let deadline = Instant::now() + params.seconds("patience");
    let main = lesson.task("main", TaskSort::Thread);
    let (start, step) = (params.count("start") as u64, params.count("step") as u64);
    let boxes =
        Boxes { x: AtomicU64::new(start), shared: SharedNumber::new().map_err(LessonError::kernel("map shared memory"))? };
    boxes.shared.store(start, SeqCst);

    let (orders, order) = io::pipe().map_err(LessonError::kernel("make a pipe"))?;
    let (told, tell) = io::pipe().map_err(LessonError::kernel("make a pipe"))?;
    let child = match lesson.fork("child")? {
        Fork::Child => {
            drop((order, told));
            exit_now(i32::from(be_child(&boxes, step, &orders, tell).is_err()));
        }
        Fork::Parent(child) => child,
    };
    drop((orders, tell));

    let (asking, asked) = sync_channel(1);
    let (telling, done) = sync_channel(1);
    std::thread::scope(|scope| {
        let boxes = &boxes;
        let work = move || be_thread(lesson, boxes, step, &asked, &telling);
        std::thread::Builder::new()
            .name("thread".to_owned())
            .spawn_scoped(scope, work)
            .map_err(LessonError::kernel("start a thread"))?;
        let child = OtherProcess { child, order, told, orders: 0 };
        let mut parent = Parent { lesson, main, boxes, step, child, asking, done, changes: Vec::new() };
        parent.show()?;
        parent.attend(deadline)?;
        // What nobody asked for is done now.
        for who in WHO {
            if parent.changes.iter().all(|change| change.who != who) {
                parent.change(who)?;
            }
        }
        let Parent { main, child, asking, changes, .. } = parent;
        main.waiting("the child and the thread", None);
        drop(asking);
        drop(child.order);
        lesson.reap_all(vec![child.child], Duration::from_secs(2))?;
        main.finish("ok");
        Ok(facts(start, step, &changes))
    })
}

/// The child: its x is a copy. It changes and tells, as it is ordered; each answer carries the number of its order.
fn be_child(boxes: &Boxes, step: u64, orders: &PipeReader, mut tell: PipeWriter) -> io::Result<()> {
    let (mut number, mut order) = (0_u64, [0]);
    while rustix::io::retry_on_intr(|| rustix::io::read(orders, &mut order))? == 1 {
        number += 1;
        if order == *b"c" {
            boxes.change(step);
        }
        let Look { x, shared, address } = boxes.look();
        tell.write_all(&[number, x, shared, address].map(u64::to_le_bytes).concat())?;
    }
    Ok(())
}

/// The thread: its x is the x of its process.
fn be_thread(lesson: &Lesson, boxes: &Boxes, step: u64, asked: &Receiver<()>, telling: &SyncSender<()>) {
    let lane = lesson.task("thread", TaskSort::Thread);
    lane.waiting("something to do", Some("main"));
    while let Ok(()) = asked.recv() {
        lane.running("x += step");
        boxes.change(step);
        lane.waiting("something to do", Some("main"));
        if telling.send(()).is_err() {
            break;
        }
    }
    lane.finish("ok");
}

struct OtherProcess<'s> {
    child: Child<'s>,
    order: PipeWriter,
    told: PipeReader,
    orders: u64,
}

impl OtherProcess<'_> {
    /// Sends an order and takes its answer; `None` if there is none in time: the child has ended, or was stopped.
    fn ask(&mut self, order: u8) -> Option<Look> {
        self.order.write_all(&[order]).ok()?;
        self.orders += 1;
        let mut answer = [0; 32];
        let due = Instant::now() + Duration::from_secs(2);
        while !is_given_up(self.child.pid(), due) {
            if !is_readable(self.told.as_fd(), Duration::from_millis(100)) {
                continue;
            }
            self.told.read_exact(&mut answer).ok()?;
            let (words, _) = answer.as_chunks();
            let [number, x, shared, address] = [0, 1, 2, 3].map(|at: usize| u64::from_le_bytes(words[at]));
            if number == self.orders {
                return Some(Look { x, shared, address });
            }
        }
        None
    }
}

/// One change, and what each process saw before and after it.
#[derive(Debug, Clone, Copy)]
struct Change {
    who: &'static str,
    parent: (Look, Look),
    /// `None` where the child did not answer.
    child: Option<(Look, Look)>,
}

struct Parent<'s> {
    lesson: &'s Lesson,
    main: Task<'s>,
    boxes: &'s Boxes,
    step: u64,
    child: OtherProcess<'s>,
    asking: SyncSender<()>,
    done: Receiver<()>,
    changes: Vec<Change>,
}

impl Parent<'_> {
    /// Does what is asked until the deadline, or until somebody says that it is enough.
    fn attend(&mut self, deadline: Instant) -> Result<(), LessonError> {
        while Instant::now() < deadline {
            self.main.waiting("you: who shall change x?", None);
            let end = [self.child.child.as_fd()];
            let others = if self.child.child.has_ended() { &[] } else { &end[..] };
            match self.lesson.listen(others, deadline.saturating_duration_since(Instant::now()))? {
                Some(asked) if asked.name == "finish" => break,
                Some(asked) => match WHO.into_iter().find(|who| *who == asked.target.trim()) {
                    None => self.lesson.refuse(&asked, "it is the child, thread or parent that changes x"),
                    Some(who) if !self.change(who)? => {
                        self.lesson.refuse(&asked, &format!("the {who} does not answer: it has ended, or it is stopped"));
                    }
                    Some(_) => {}
                },
                None => drop(self.child.child.peek()?),
            }
        }
        Ok(())
    }

    /// Lets one of them change both numbers, and looks from both processes; `false` if it could not.
    fn change(&mut self, who: &'static str) -> Result<bool, LessonError> {
        let before = (self.boxes.look(), self.child.ask(b'r'));
        let mut childs = None;
        match who {
            "child" => {
                childs = self.child.ask(b'c');
                if childs.is_none() {
                    return Ok(false);
                }
            }
            "thread" => {
                let made = self.asking.send(()).is_ok() && self.done.recv().is_ok();
                if !made {
                    return Ok(false);
                }
            }
            _ => {
                self.main.running("x += step");
                self.boxes.change(self.step);
            }
        }
        let after = (self.boxes.look(), childs.or_else(|| self.child.ask(b'r')));
        self.changes.push(Change { who, parent: (before.0, after.0), child: before.1.zip(after.1) });
        self.lesson.say(&format!("the {who} has changed x: {}", seen(after.0, after.1)));
        self.show()?;
        Ok(true)
    }

    fn show(&mut self) -> Result<(), LessonError> {
        let views = [("parent", Some(self.boxes.look())), ("child", self.child.ask(b'r'))];
        for (who, look) in views {
            if let Some(look) = look {
                self.lesson.value(format!("x in the {who}"), look.x);
                self.lesson.value(format!("shared number in the {who}"), look.shared);
            }
        }
        self.child.child.peek().map(drop)
    }
}

fn seen(parent: Look, child: Option<Look>) -> String {
    let child = child.map_or_else(|| "nothing from the child".to_owned(), |child| format!("{} in the child", child.x));
    format!("{} in the parent, {child}", parent.x)
}

fn facts(start: u64, step: u64, changes: &[Change]) -> Facts {
    let mut facts = Facts::new();
    // Of several changes, show one where the claim failed, or else the first one.
    let mut show = |all: Vec<Fact>| facts.extend(all.iter().find(|fact| !fact.holds).or(all.first()).cloned());
    let by = |wanted: &'static [&str]| changes.iter().filter(|change| wanted.contains(&change.who));
    let answered = || changes.iter().filter_map(|change| Some((change, change.child?)));

    let address = |(change, child): (&Change, (Look, Look))| {
        let [parents, childs] = [change.parent.0.address, child.0.address].map(|address| format!("{address:#x}"));
        equals("same-address", "x has the same address in both processes", parents, childs)
    };
    show(answered().map(address).collect());
    let private = |change: &Change| {
        let (before, after) = change.parent;
        equals("private", "when the child changes x, the parent's x stays what it was", before.x, after.x)
    };
    show(by(&["child"]).map(private).collect());
    let private_too = |(_, (before, after)): (&Change, (Look, Look))| {
        equals("private-too", "when the parent or its thread changes x, the child's x stays what it was", before.x, after.x)
    };
    show(answered().filter(|(change, _)| change.who != "child").map(private_too).collect());
    let thread = |change: &Change| {
        let (before, after) = change.parent;
        equals("thread", "when a thread changes x, x has changed for the whole process", before.x + step, after.x)
    };
    show(by(&["thread"]).map(thread).collect());
    if let Some((_, (_, child))) = answered().next_back() {
        let at = answered().count();
        let (number, parent) = (changes.len() as u64, changes.last().map_or(0, |change| change.parent.1.shared));
        let expected = start + step * number;
        if at == changes.len() {
            let claim = "in shared memory everybody sees all changes: the number in the parent, and in the child";
            facts.push(equals("shared", claim, vec![expected; 2], vec![parent, child.shared]));
        }
    }
    facts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(x: u64, shared: u64) -> Look {
        Look { x, shared, address: 0x1000 }
    }

    fn good() -> Vec<Change> {
        vec![
            Change { who: "child", parent: (look(1, 1), look(1, 11)), child: Some((look(1, 1), look(11, 11))) },
            Change { who: "thread", parent: (look(1, 11), look(11, 21)), child: Some((look(11, 11), look(11, 21))) },
        ]
    }

    fn failed(change: impl Fn(&mut Vec<Change>)) -> Vec<String> {
        let mut changes = good();
        change(&mut changes);
        facts(1, 10, &changes).into_iter().filter(|fact| !fact.holds).map(|fact| fact.id).collect()
    }

    #[test]
    fn each_fact_can_fail() {
        assert_eq!((facts(1, 10, &good()).len(), failed(|_| ())), (5, vec![]));
        assert_eq!(failed(|changes| changes[0].parent.0.address = 8), ["same-address"]);
        assert_eq!(failed(|changes| changes[0].parent.1.x = 11), ["private"]);
        assert_eq!(failed(|changes| changes[1].child = Some((look(11, 11), look(21, 21)))), ["private-too"]);
        assert_eq!(failed(|changes| changes[1].parent.1.x = 1), ["thread"]);
        assert_eq!(failed(|changes| changes[1].child = Some((look(11, 11), look(11, 11)))), ["shared"]);
        assert_eq!(facts(1, 10, &[]), Facts::new());
    }
}
