//! A body, and which of its event lines are believed: those about its own tasks, values and facts, and about processes that descend from
//! it. Only the supervisor and the kernel tell of the supervisor's children, of the run as a whole and of the machine. On the engine's
//! thread; it asks the kernel whose child a process is, since no body can forge that.

use crate::engine::run::pipes::PIPE_VALUES;
use crate::engine::run::processes::RunProcesses;
use crate::engine::run::streams::control::Control;
use crate::model::{EventKind, Pid};
use crate::sys::{foreign_proc, stat_of, texts};

/// Ancestors of a process that the kernel is asked for. A process that is deeper is seen by a sample first.
const DEEPEST: usize = 256;

/// Whether any body may tell this; the error says why not.
pub(crate) fn is_for_bodies(kind: &EventKind) -> Result<(), &'static str> {
    match kind {
        EventKind::RunStarted { .. } | EventKind::RunFinished { .. } => Err("only the engine starts and finishes a run"),
        EventKind::ProcessUsed { .. } | EventKind::ProcessSampled(_) | EventKind::Waited { .. } => {
            Err("only the supervisor and the kernel tell of the usage of processes and of the results of waits")
        }
        EventKind::TaskCpu(_) => Err("only the kernel tells how long a thread was on a core"),
        EventKind::PipeFilled { .. } => Err("only the kernel tells how full a pipe is"),
        EventKind::Value { name, .. } if PIPE_VALUES.iter().any(|begin| name.starts_with(begin)) => {
            Err("only the kernel tells how full a pipe is")
        }
        EventKind::Output { .. } | EventKind::OutputDropped { .. } | EventKind::OutputClosed { .. } => {
            Err("only text on standard output and standard error is output")
        }
        EventKind::Machine(_) => Err("only the kernel tells of the machine"),
        EventKind::Finding(_) => Err("only the engine tells findings about a run"),
        EventKind::Action { action, .. } if action.word() == "watch" => Err("only a line such as GPIO26 can be watched"),
        EventKind::Action { .. } => Err("only Task Lab tells of actions"),
        _ => Ok(()),
    }
}

/// One body, the processes of its run, and the ways to all bodies of the run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Speaker<'a> {
    pub(crate) pid: Pid,
    pub(crate) processes: &'a RunProcesses,
    pub(crate) controls: &'a [Control],
}

/// The place of a process in the tree, as seen from the body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Home {
    /// It descends from the body.
    Own,
    /// Its parent has ended, and the supervisor has adopted it.
    Adopted,
    /// It is a stage, or descends from another stage, or from no process of ours.
    Elsewhere,
    /// It has ended, and its number is free.
    Gone,
}

impl Speaker<'_> {
    /// Checks an event of the body, and corrects fields that others know better. The error says why the body may not tell it.
    pub(crate) fn check(&self, kind: &mut EventKind) -> Result<(), String> {
        match kind {
            // A former ancestor may also know of a thread or process.
            EventKind::TaskStarted { pid, .. } if *pid == self.pid => Ok(()),
            EventKind::ProcessStarted { pid, ppid, .. } if *ppid != self.pid && self.processes.is_any_stage(*ppid) => {
                Err(is_not_its(*pid))
            }
            // The supervisor has adopted this process, and the kernel says what it is called.
            EventKind::ProcessStarted { pid, ppid, name, argv, .. } if self.home(*pid) == Home::Adopted => {
                if let Some(stat) = stat_of(*pid) {
                    *ppid = self.processes.supervisor();
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
                Home::Adopted if *ppid != self.processes.supervisor() => Err(is_not_its(*pid)),
                Home::Elsewhere => Err(is_not_its(*pid)),
                Home::Own | Home::Adopted | Home::Gone => Ok(()),
            },
            EventKind::ProcessState { pid, .. } | EventKind::ProcessExited { pid, .. } | EventKind::ProcessReaped { pid } => {
                match self.home(*pid) {
                    Home::Own | Home::Gone => Ok(()),
                    Home::Adopted | Home::Elsewhere => Err(is_not_its(*pid)),
                }
            }
            EventKind::ActionRefused { action, by, .. } => {
                let mut its = self.controls.iter().filter(|control| control.pid == self.pid);
                let requester = its.find_map(|control| control.asked_by(action));
                *by = requester.ok_or_else(|| "nobody has asked it for that action".to_owned())?;
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
                // A process without a parent to be read has just ended, or is not ours.
                None if self.processes.is_any_stage(pid) => return Home::Elsewhere,
                None => return self.owner(at).unwrap_or(Home::Gone),
                Some(_) if self.processes.is_any_stage(at) => return Home::Elsewhere,
                Some(parent) if parent == self.processes.supervisor() => match self.owner(at) {
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

    /// The same from the samples.
    fn owner(&self, pid: Pid) -> Option<Home> {
        self.processes.owner(pid).map(|owner| if owner == self.pid { Home::Own } else { Home::Elsewhere })
    }
}

fn is_not_its(pid: Pid) -> String {
    format!("what becomes of process {pid} is told by the supervisor and the kernel alone")
}

/// `None` also where /proc belongs to another PID namespace: its numbers mean other processes there.
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
    use crate::model::{Action, By, Monotonic, ProcessState, Refusal};
    use crate::sys::own_pid;

    fn refused(by: By) -> EventKind {
        let why = Box::new(Refusal::Said(String::new()));
        let mut kind = EventKind::ActionRefused { action: Action::own("send", "x".repeat(5_000)), by, why };
        crate::engine::fold::texts::cut(&mut kind);
        kind
    }

    #[test]
    fn the_kernel_says_whose_child_a_process_is() {
        let own = own_pid();
        let mut child = Command::new("cat").stdin(Stdio::piped()).spawn().expect("cat");
        let pid = Pid::new(child.id().cast_signed());
        let home = |pid: Pid, body: Pid, processes: &RunProcesses| Speaker { pid: body, processes, controls: &[] }.home(pid);
        let nobody = Pid::new(100_000_000);
        let mut processes = RunProcesses::new(nobody);
        assert_eq!(home(pid, own, &processes), Home::Own);
        assert_eq!(home(own, own, &processes), Home::Elsewhere, "what becomes of it, it cannot know");
        assert_eq!(home(Pid::new(1), own, &processes), Home::Elsewhere);
        let adopted = home(pid, nobody, &RunProcesses::new(own));
        assert_eq!(adopted, Home::Adopted, "a child of the supervisor's that nobody started");
        drop(child.stdin.take());
        child.wait().expect("ours");
        assert_eq!(home(pid, own, &processes), Home::Gone);
        let stage = Pid::new(100_000_001);
        processes.add_stage(stage);
        processes.sampled(pid, stage, ProcessState::Sleeping);
        processes.sampled(pid, own, ProcessState::Sleeping);
        assert_eq!(home(pid, own, &processes), Home::Elsewhere, "another stage's, also when adopted");
        processes.reaped(pid);
        processes.sampled(pid, own, ProcessState::Sleeping);
        assert_eq!(home(pid, own, &processes), Home::Gone, "a new process has its number");
        processes.add_stage(pid);
        processes.reaped(pid);
        assert_eq!(home(pid, own, &processes), Home::Elsewhere, "the last word was told");
    }

    #[test]
    fn only_who_was_asked_can_refuse_and_who_asked_is_not_its_to_say() {
        let (reader, writer) = rustix::pipe::pipe().expect("a pipe");
        let mut control = Control::new(Pid::new(7), writer);
        let action = Action::own("send", "x".repeat(5_000));
        control.send(&ActionRequest { action, by: By::You, is_demo: false, at: Monotonic::ZERO }).expect("sent");
        let (processes, controls) = (RunProcesses::new(Pid::new(1)), [control]);
        let speaker = |pid: i32| Speaker { pid: Pid::new(pid), processes: &processes, controls: &controls };
        let mut kind = refused(By::Script);
        assert_eq!(speaker(7).check(&mut kind), Ok(()));
        assert_eq!(kind, refused(By::You));
        assert!(speaker(8).check(&mut refused(By::You)).is_err_and(|why| why.contains("nobody has asked it")));
        drop(reader);
    }
}
