//! Process groups: a signal to one process, or to a whole group; groups and sessions (concept 9).
//! The body has one thread, or it could not fork.

use std::io::{self, PipeReader, PipeWriter, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use rustix::process::{getpid, kill_process_group, setpgid, setsid};

use crate::model::{ProcessState, Signal, TaskSort};
use crate::scenario::card::{Facts, Params, Reply, equals};
use crate::scenario::lesson::children::{Child, Fork};
use crate::scenario::lesson::proc::{has_pending_signal, stat_of};
use crate::scenario::lesson::words::unknown;
use crate::scenario::lesson::{Lesson, LessonAction, LessonError, Task};
use crate::sys::{SignalFd, exit_now, is_readable, session};

pub(super) fn run(lesson: &Lesson, params: &Params) -> Result<Facts, LessonError> {
    let deadline = Instant::now() + params.seconds("patience");
    let main = lesson.task("main", TaskSort::Thread);
    let signal = params.text("signal").parse().unwrap_or(Signal::USR1);
    let mut parent = Parent { lesson, main, signal, members: Vec::new(), rounds: Vec::new() };
    for group in ['a', 'b'] {
        (1..=params.count("members")).try_for_each(|number| parent.start(group, number))?;
    }
    parent.start('s', 1)?;
    let numbers = parent.numbers();
    parent.attend(deadline)?;
    // What nobody did, the parent does.
    for (name, target, to_group) in [("signal", "a-1", false), ("signal-group", "a", true)] {
        if parent.rounds.iter().all(|round| round.to_group != to_group) {
            let _ = parent.send(&LessonAction { name: name.to_owned(), target: target.to_owned() })?;
        }
    }
    let Parent { main, members, rounds, .. } = parent;
    main.waiting("its children", None);
    lesson.reap_all(members.into_iter().map(|member| member.child).collect(), Duration::from_secs(2))?;
    main.finish("ok");
    Ok(facts(&numbers, &rounds))
}

/// A member: blocks the signal, so that it stays pending where everybody can see it, and takes it when it is told to.
fn be_member(
    lesson: &Lesson,
    name: &str,
    leader: Option<i32>,
    signal: Signal,
    orders: &PipeReader,
    mut tell: PipeWriter,
) -> io::Result<()> {
    let pending = SignalFd::new(&[signal])?;
    match leader {
        _ if name.starts_with('s') => drop(setsid()?),
        leader => setpgid(None, leader.and_then(rustix::process::Pid::from_raw))?,
    }
    tell.write_all(b"r")?;
    while rustix::io::retry_on_intr(|| rustix::io::read(orders, &mut [0_u8; 1]))? == 1 {
        while let Some(signal) = pending.read()? {
            lesson.say(&format!("{name} ({}) has got {signal}", getpid().as_raw_nonzero()));
        }
        tell.write_all(b"t")?;
    }
    Ok(())
}

struct Member<'s> {
    child: Child<'s>,
    group: char,
    orders: PipeWriter,
    told: PipeReader,
}

/// PID, process group and session of a member, as /proc has them; and those of its group's leader.
#[derive(Debug, Clone, Copy)]
struct Numbers {
    group: char,
    pid: i32,
    pgid: i32,
    sid: i32,
    leader: i32,
    parents_sid: i32,
}

/// A signal that was sent.
#[derive(Debug, Clone)]
struct Round {
    to_group: bool,
    /// Names of those who should have it.
    meant: Vec<String>,
    /// Names of those in whose set of pending signals the kernel shows it.
    hit: Vec<String>,
}

struct Parent<'s> {
    lesson: &'s Lesson,
    main: Task<'s>,
    signal: Signal,
    members: Vec<Member<'s>>,
    rounds: Vec<Round>,
}

impl Parent<'_> {
    fn start(&mut self, group: char, number: usize) -> Result<(), LessonError> {
        let name = format!("{group}-{number}");
        let (orders, order) = io::pipe().map_err(LessonError::kernel("make a pipe"))?;
        let (told, tell) = io::pipe().map_err(LessonError::kernel("make a pipe"))?;
        let leader = self.leader(group);
        match self.lesson.fork(&name)? {
            Fork::Child => {
                drop((order, told, std::mem::take(&mut self.members)));
                exit_now(i32::from(be_member(self.lesson, &name, leader, self.signal, &orders, tell).is_err()));
            }
            Fork::Parent(child) => self.members.push(Member { child, group, orders: order, told }),
        }
        drop(tell);
        // Its group has to be there before the next one can join it.
        let member = self.members.len() - 1;
        self.hear(member, Duration::from_secs(10));
        Ok(())
    }

    /// PID of the first member of a group, which is the group's number.
    fn leader(&self, group: char) -> Option<i32> {
        self.members.iter().find(|member| member.group == group).map(|member| member.child.pid().number())
    }

    fn numbers(&self) -> Vec<Numbers> {
        let parents_sid = session(None).unwrap_or(0);
        let numbers = self.members.iter().filter_map(|member| {
            let stat = stat_of(member.child.pid())?;
            let leader = self.leader(member.group)?;
            Some(Numbers {
                group: member.group,
                pid: stat.id,
                pgid: stat.pgid.number(),
                sid: stat.sid.number(),
                leader,
                parents_sid,
            })
        });
        numbers.collect()
    }

    /// Waits for a byte of a member, but not for one that has ended, and not for long: it may have been stopped.
    fn hear(&self, member: usize, patience: Duration) {
        let told = &self.members[member].told;
        if is_readable(told.as_fd(), patience) {
            let _ = rustix::io::read(told, &mut [0_u8; 16]);
        }
    }

    /// Does what is asked until the deadline, until somebody says that it is enough, or until nobody is left alive.
    fn attend(&mut self, deadline: Instant) -> Result<(), LessonError> {
        while Instant::now() < deadline && self.members.iter().any(|member| !member.child.has_ended()) {
            self.main.waiting("you: whom shall it signal?", None);
            let alive: Vec<BorrowedFd<'_>> =
                self.members.iter().filter(|member| !member.child.has_ended()).map(|member| member.child.as_fd()).collect();
            match self.lesson.listen(&alive, deadline.saturating_duration_since(Instant::now()))? {
                Some(asked) if asked.name == "finish" => return Ok(()),
                Some(asked) => {
                    let reply = self.send(&asked)?;
                    self.lesson.answer(&asked, &reply);
                }
                None => {}
            }
            self.look()?;
        }
        Ok(())
    }

    fn look(&mut self) -> Result<(), LessonError> {
        self.members.iter_mut().try_for_each(|member| member.child.peek().map(drop))
    }

    /// Sends the signal, and looks who has got it; or says that there is nobody to send it to.
    fn send(&mut self, asked: &LessonAction) -> Result<Reply, LessonError> {
        self.look()?;
        self.take();
        let (target, to_group) = (asked.target.trim(), asked.name == "signal-group");
        let alive = || self.members.iter().filter(|member| !member.child.has_ended());
        let is_named =
            |member: &&Member<'_>| member.child.is_meant_by(target) || (to_group && target.parse() == Ok(member.group));
        let Some(named) = alive().find(is_named) else {
            return Ok(Err(unknown("living member", target, alive().map(|member| member.child.name()))));
        };
        // Who has it pending already cannot get it once more: such signals do not queue.
        let before = self.pending();
        let sent = if to_group {
            // The number is still the group's: there is a member whom nobody has waited on.
            let group = self.leader(named.group).and_then(rustix::process::Pid::from_raw);
            let signal = rustix::process::Signal::from_named_raw(self.signal.number());
            group.zip(signal).is_some_and(|(group, signal)| kill_process_group(group, signal).is_ok())
        } else {
            named.child.signal(self.signal)
        };
        if !sent {
            return Ok(Err("it has just ended".to_owned()));
        }
        let is_meant =
            |member: &&Member<'_>| if to_group { member.group == named.group } else { member.child.pid() == named.child.pid() };
        let names =
            |numbers: Vec<usize>| numbers.into_iter().map(|number| self.members[number].child.name().to_owned()).collect();
        let hit: Vec<usize> = self.pending().into_iter().filter(|number| !before.contains(number)).collect();
        // Who has died meanwhile, by somebody else's hand, says nothing.
        let could =
            |number: &usize| !before.contains(number) && self.members[*number].child.peek_again().is_ok_and(|end| end.is_none());
        let meant = (0..self.members.len()).filter(|number| is_meant(&&self.members[*number])).filter(could).collect();
        let round = Round { to_group, meant: names(meant), hit: names(hit) };
        self.lesson.value(format!("{} {target} reached", asked.name), round.hit.clone());
        self.rounds.push(round);
        self.take();
        Ok(Ok(()))
    }

    /// Tells all who have the signal, whoever sent it, to take it, so that they can get another one.
    fn take(&self) {
        for number in self.pending() {
            let Member { child, orders, .. } = &self.members[number];
            let is_stopped = stat_of(child.pid()).is_some_and(|stat| stat.state == ProcessState::Stopped);
            if !is_stopped && (&*orders).write_all(b"t").is_ok() {
                self.hear(number, Duration::from_secs(5));
            }
        }
    }

    /// The members that have the signal pending, as /proc/PID/status shows it.
    fn pending(&self) -> Vec<usize> {
        let has = |member: &Member<'_>| !member.child.has_ended() && has_pending_signal(member.child.pid(), self.signal);
        (0..self.members.len()).filter(|number| has(&self.members[*number])).collect()
    }
}

fn facts(numbers: &[Numbers], rounds: &[Round]) -> Facts {
    let mut facts = Facts::new();
    let in_groups = || numbers.iter().filter(|member| member.group != 's');
    let of_leader = in_groups().filter(|member| member.pgid == member.leader).count();
    facts.push(equals(
        "group-number",
        "a group's number is the PID of its leader: members of which that is so",
        in_groups().count(),
        of_leader,
    ));
    let kept = in_groups().filter(|member| member.sid == member.parents_sid).count();
    facts.push(equals(
        "same-session",
        "a new group stays in the session of its parent: members of which that is so",
        in_groups().count(),
        kept,
    ));
    if let Some(loner) = numbers.iter().find(|member| member.group == 's') {
        let claim = "setsid makes a group and a session, and both have the PID of the caller";
        facts.push(equals("own-session", claim, vec![loner.pid; 2], vec![loner.pgid, loner.sid]));
    }
    let show = |rounds: &mut dyn Iterator<Item = &Round>, fact: &dyn Fn(&Round) -> crate::model::Fact| {
        let all: Vec<_> = rounds.map(fact).collect();
        all.iter().find(|fact| !fact.holds).or(all.first()).cloned()
    };
    let outside = |round: &Round| round.hit.iter().filter(|name| !round.meant.contains(name)).cloned().collect::<Vec<_>>();
    let inside = |round: &Round| round.hit.iter().filter(|name| round.meant.contains(name)).cloned().collect::<Vec<_>>();
    let to_groups = || rounds.iter().filter(|round| round.to_group);
    facts.extend(show(&mut to_groups(), &|round| {
        equals("group", "a signal to a group reaches each of its members", round.meant.clone(), inside(round))
    }));
    facts.extend(show(&mut to_groups(), &|round| {
        equals("nobody-else", "and nobody outside the group gets it", Vec::<String>::new(), outside(round))
    }));
    facts.extend(show(&mut rounds.iter().filter(|round| !round.to_group), &|round| {
        equals("one", "a signal to one process reaches that process alone", round.meant.clone(), round.hit.clone())
    }));
    facts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers() -> Vec<Numbers> {
        let member = |group, pid, pgid, sid| Numbers { group, pid, pgid, sid, leader: 10, parents_sid: 5 };
        vec![member('a', 10, 10, 5), member('a', 11, 10, 5), member('s', 12, 12, 12)]
    }

    fn round(to_group: bool, meant: &[&str], hit: &[&str]) -> Round {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Round { to_group, meant: names(meant), hit: names(hit) }
    }

    fn failed(numbers: &[Numbers], rounds: &[Round]) -> Vec<String> {
        facts(numbers, rounds).into_iter().filter(|fact| !fact.holds).map(|fact| fact.id).collect()
    }

    #[test]
    fn each_fact_can_fail() {
        let (one, all) = (round(false, &["a-2"], &["a-2"]), round(true, &["a-1", "a-2"], &["a-1", "a-2"]));
        let good = [one.clone(), all.clone()];
        assert_eq!((facts(&numbers(), &good).len(), failed(&numbers(), &good)), (6, vec![]));
        let with = |change: &dyn Fn(&mut Vec<Numbers>)| {
            let mut numbers = numbers();
            change(&mut numbers);
            failed(&numbers, &good)
        };
        assert_eq!(with(&|numbers| numbers[1].pgid = 5), ["group-number"]);
        assert_eq!(with(&|numbers| numbers[1].sid = 10), ["same-session"]);
        assert_eq!(with(&|numbers| numbers[2].sid = 5), ["own-session"]);
        assert_eq!(failed(&numbers(), &[one.clone(), round(true, &["a-1", "a-2"], &["a-1"])]), ["group"]);
        assert_eq!(failed(&numbers(), &[one, round(true, &["a-1"], &["a-1", "b-1"])]), ["nobody-else"]);
        assert_eq!(failed(&numbers(), &[round(false, &["a-2"], &["a-1", "a-2"]), all]), ["one"]);
    }
}
