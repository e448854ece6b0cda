//! WaitTarget a body's line is believed about. Its tasks, values and facts are its own to tell, and what becomes of processes that descend
//! from it. All that is known of the supervisor's children, of the run as a whole and of the machine comes from the supervisor and the
//! kernel alone. On the engine's thread; asks the kernel whose child a process is: it alone cannot be made to lie.

use std::collections::HashMap;

use crate::engine::fold::sentences::WATCH;
use crate::engine::run::streams::control::Control;
use crate::engine::run::waiting::Child;
use crate::model::{By, EventKind, Line, Pid};
use crate::sys::{foreign_proc, stat_of, texts};

/// How the values begin that say what the kernel sees in the pipes between stages.
pub(crate) const PIPE_VALUES: [&str; 2] = ["bytes in pipe ", "room in pipe "];
/// Processes of which it is remembered from which stage they descend.
const MOST_OWNED: usize = 16_384;
/// Ancestors of a process that are asked after. What is deeper is seen by a sample first.
const DEEPEST: usize = 256;

/// Whether any body may tell this; the error says why not.
pub(crate) fn is_for_bodies(kind: &EventKind) -> Result<(), &'static str> {
    match kind {
        EventKind::RunStarted { .. } | EventKind::RunFinished { .. } => Err("only the engine starts and finishes a run"),
        EventKind::ProcessUsed { .. } | EventKind::ProcessSampled(_) | EventKind::Waited { .. } => {
            Err("what processes use, and what waits on them give, is told by the supervisor and the kernel alone")
        }
        EventKind::PipeFilled { .. } => Err("what is in a pipe is told by the kernel alone"),
        EventKind::Value { name, .. } if PIPE_VALUES.iter().any(|begin| name.starts_with(begin)) => {
            Err("what is in a pipe is told by the kernel alone")
        }
        EventKind::Output { .. } | EventKind::OutputDropped { .. } | EventKind::OutputClosed { .. } => {
            Err("output is what is written to standard output and standard error, and nothing else")
        }
        EventKind::Machine(_) => Err("how the machine does is told by the kernel alone"),
        EventKind::Finding(_) => Err("what is found out about a run is told by the engine alone"),
        EventKind::Action { action, .. } if action.word() != WATCH => {
            Err("who does an action tells of it, and that is never a body")
        }
        EventKind::Action { action, .. } if action.target().parse::<Line>().is_err() => {
            Err("only a line such as GPIO26 can be watched")
        }
        _ => Ok(()),
    }
}

/// From which stage each process descends that a sample has shown, whatever bodies say of it.
#[derive(Debug, Default)]
pub(crate) struct Owners(HashMap<Pid, Pid>);

impl Owners {
    pub(crate) fn add_stage(&mut self, pid: Pid) {
        self.0.insert(pid, pid);
    }

    /// What a sample shows of a process that is no stage. Who is adopted stays its stage's, unless its number is a newcomer's.
    pub(crate) fn note(&mut self, pid: Pid, ppid: Pid, was_seen: bool) {
        let owner = self.0.get(&ppid).copied().or_else(|| self.0.get(&pid).copied().filter(|_| was_seen));
        if self.0.len() >= MOST_OWNED {
            // The next sample brings those back that live.
            self.0.retain(|pid, owner| pid == owner);
        }
        match owner {
            Some(owner) => self.0.insert(pid, owner),
            None => self.0.remove(&pid),
        };
    }
}

/// One body, and what is known of the processes of which it may speak.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Speaker<'a> {
    pub(crate) pid: Pid,
    pub(crate) supervisor: Pid,
    /// The supervisor's children of its own run.
    pub(crate) stages: &'a [Child],
    /// The same of the other runs that go on.
    pub(crate) others: &'a [Pid],
    pub(crate) owners: &'a Owners,
    pub(crate) controls: &'a [Control],
}

/// Whose child a process is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Home {
    /// It descends from the speaker.
    Own,
    /// Its parent has ended, and the supervisor has adopted it.
    Adopted,
    /// It is one of the supervisor's own children, or descends from another one of those, or from nobody of ours.
    Elsewhere,
    /// It has ended, and its number is free.
    Gone,
}

impl Speaker<'_> {
    /// Makes of its line what it may tell; the error says why it may not.
    pub(crate) fn check(&self, kind: &mut EventKind) -> Result<(), String> {
        match kind {
            // A thread or process that lives now, or has lived: that it is there, its former ancestor may know, too.
            EventKind::TaskStarted { pid, .. } if *pid == self.pid => Ok(()),
            EventKind::ProcessStarted { pid, ppid, .. } if *ppid != self.pid && self.is_stage(*ppid) => Err(is_not_its(*pid)),
            // The supervisor has adopted this process, and the kernel says what it is called.
            EventKind::ProcessStarted { pid, ppid, name, argv, .. } if self.home(*pid) == Home::Adopted => {
                if let Some(stat) = stat_of(*pid) {
                    *ppid = self.supervisor;
                    *name = stat.name();
                    *argv = texts(*pid, "cmdline");
                }
                Ok(())
            }
            EventKind::TaskStarted { pid, .. } | EventKind::ProcessStarted { pid, .. } => match self.home(*pid) {
                Home::Elsewhere => Err(is_not_its(*pid)),
                Home::Own | Home::Adopted | Home::Gone => Ok(()),
            },
            EventKind::ProcessOrphaned { pid, ppid } => match self.home(*pid) {
                Home::Adopted if *ppid != self.supervisor => Err(is_not_its(*pid)),
                Home::Elsewhere => Err(is_not_its(*pid)),
                Home::Own | Home::Adopted | Home::Gone => Ok(()),
            },
            EventKind::ProcessState { pid, .. } | EventKind::ProcessExited { pid, .. } | EventKind::ProcessReaped { pid } => {
                match self.home(*pid) {
                    Home::Own | Home::Gone => Ok(()),
                    Home::Adopted | Home::Elsewhere => Err(is_not_its(*pid)),
                }
            }
            EventKind::Action { by, .. } => {
                *by = By::Lesson;
                Ok(())
            }
            EventKind::ActionRefused { action, by, .. } => {
                let mut its = self.controls.iter().filter(|control| control.pid == self.pid);
                let asked = its.find_map(|control| control.asked_by(action));
                *by = asked.ok_or_else(|| "nobody has asked it for that action".to_owned())?;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn home(&self, pid: Pid) -> Home {
        let mut at = pid;
        for _ in 0..DEEPEST {
            match parent_of(at) {
                Some(parent) if parent == self.pid => return Home::Own,
                // Who has no parent to be read has just ended, or is nobody's business.
                None if self.is_stage(pid) => return Home::Elsewhere,
                None => return self.owner(at).unwrap_or(Home::Gone),
                Some(_) if self.is_stage(at) => return Home::Elsewhere,
                Some(parent) if parent == self.supervisor => match self.owner(at) {
                    Some(Home::Own) | None if at == pid => return Home::Adopted,
                    Some(home) => return home,
                    None => return Home::Own,
                },
                Some(parent) if parent.number() <= 1 => return Home::Elsewhere,
                Some(parent) => at = parent,
            }
        }
        Home::Elsewhere
    }

    fn is_stage(&self, pid: Pid) -> bool {
        self.stages.iter().any(|stage| stage.pid == pid) || self.others.contains(&pid)
    }

    /// What the samples have shown.
    fn owner(&self, pid: Pid) -> Option<Home> {
        self.owners.0.get(&pid).map(|owner| if *owner == self.pid { Home::Own } else { Home::Elsewhere })
    }
}

fn is_not_its(pid: Pid) -> String {
    format!("what becomes of process {pid} is told by the supervisor and the kernel alone")
}

/// `None`, too, where /proc is another PID namespace's: its numbers are other processes here.
fn parent_of(pid: Pid) -> Option<Pid> {
    if foreign_proc().is_some() {
        return None;
    }
    stat_of(pid).map(|stat| stat.ppid)
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;
    use crate::engine::run::requests::ActionRequest;
    use crate::model::{Action, Monotonic, Refusal};

    fn refused(by: By) -> EventKind {
        let why = Box::new(Refusal::Said(String::new()));
        let mut kind = EventKind::ActionRefused { action: Action::own("send", "x".repeat(5_000)), by, why };
        crate::engine::fold::texts::cut(&mut kind);
        kind
    }

    #[test]
    fn the_kernel_says_whose_child_a_process_is() {
        let own = Pid::new(std::process::id().cast_signed());
        let mut child = Command::new("cat").stdin(Stdio::piped()).spawn().expect("cat");
        let pid = Pid::new(child.id().cast_signed());
        let owners = Owners::default();
        let speaker =
            |pid: Pid, supervisor: Pid| Speaker { pid, supervisor, stages: &[], others: &[], owners: &owners, controls: &[] };
        let nobody = Pid::new(100_000_000);
        assert_eq!(speaker(own, nobody).home(pid), Home::Own);
        assert_eq!(speaker(own, nobody).home(own), Home::Elsewhere, "what becomes of it, it cannot know");
        assert_eq!(speaker(own, nobody).home(Pid::new(1)), Home::Elsewhere);
        assert_eq!(speaker(nobody, own).home(pid), Home::Adopted, "a child of the supervisor's that nobody started");
        drop(child.stdin.take());
        child.wait().expect("ours");
        assert_eq!(speaker(own, nobody).home(pid), Home::Gone);
        let stages = [Child { pid, status: None, is_reaped: true }];
        assert_eq!(Speaker { stages: &stages, ..speaker(own, nobody) }.home(pid), Home::Elsewhere, "the last word was told");
        let mut owners = Owners::default();
        owners.add_stage(nobody);
        owners.note(pid, nobody, false);
        owners.note(pid, own, true);
        assert_eq!(
            Speaker { owners: &owners, ..speaker(own, nobody) }.home(pid),
            Home::Elsewhere,
            "another stage's, also when adopted"
        );
        owners.note(pid, own, false);
        assert_eq!(Speaker { owners: &owners, ..speaker(own, nobody) }.home(pid), Home::Gone, "a newcomer has its number");
    }

    #[test]
    fn only_who_was_asked_can_refuse_and_who_asked_is_not_its_to_say() {
        let (reader, writer) = rustix::pipe::pipe().expect("a pipe");
        let mut control = Control::new(Pid::new(7), writer);
        let action = Action::own("send", "x".repeat(5_000));
        control.tell(&ActionRequest { action, by: By::You, is_demo: false, at: Monotonic::ZERO }).expect("told");
        let (owners, controls) = (Owners::default(), [control]);
        let speaker = |pid: i32| {
            let (pid, supervisor) = (Pid::new(pid), Pid::new(1));
            Speaker { pid, supervisor, stages: &[], others: &[], owners: &owners, controls: &controls }
        };
        let mut kind = refused(By::Script);
        assert_eq!(speaker(7).check(&mut kind), Ok(()));
        assert_eq!(kind, refused(By::You));
        assert!(speaker(8).check(&mut refused(By::You)).is_err_and(|why| why.contains("nobody has asked it")));
        drop(reader);
    }
}
