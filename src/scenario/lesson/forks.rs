//! Forks: one that becomes another program, and the last wait on those that are about to end.

use std::ffi::CString;
use std::io;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use crate::model::{EventKind, Pid, ProcessState, Signal, TaskSort, Tid};
use crate::scenario::lesson::children::{Child, Reaped};
use crate::scenario::lesson::control::TOO_LATE;
use crate::scenario::lesson::handle::{Lesson, LessonError};
use crate::scenario::lesson::proc::stat_of;
use crate::sys::default_ignored_signals;

/// Runs another program in this process, a fork with one thread: searched in PATH, with these variables besides those
/// that there are. Returns only if that fails, and then says why.
pub(crate) fn exec(argv: &[&str], variables: &[(&str, &str)]) -> io::Error {
    let texts = |texts: Vec<Vec<u8>>| texts.into_iter().map(CString::new).collect::<Result<Vec<_>, _>>();
    let own = std::env::vars_os().filter(|(name, _)| variables.iter().all(|(set, _)| name.as_os_str() != *set));
    let own = own.map(|(name, value)| [name.as_encoded_bytes(), b"=", value.as_encoded_bytes()].concat());
    let set = variables.iter().map(|(name, value)| format!("{name}={value}").into_bytes());
    let argv = texts(argv.iter().map(|word| word.as_bytes().to_vec()).collect());
    match (argv, texts(own.chain(set).collect())) {
        (Ok(argv), Ok(env)) if !argv.is_empty() => {
            // A new program would inherit it.
            default_ignored_signals();
            nix::unistd::execvpe(&argv[0], &argv, &env).map_or_else(Into::into, |never| match never {})
        }
        _ => io::ErrorKind::InvalidInput.into(),
    }
}

/// A process that is overdue by this much is given up, stopped or not: only a machine in trouble takes longer.
const TROUBLE: Duration = Duration::from_secs(30);

/// Kills a child that is given up.
fn kill_if_stopped(child: &mut Child<'_>, due: Instant) -> Result<(), LessonError> {
    if child.peek()?.is_none() && is_given_up(child.pid(), due) {
        child.signal(Signal::KILL);
    }
    Ok(())
}

/// Whether a process that should have done something by then is given up, because it was stopped. On a busy machine it may just
/// be late.
pub(crate) fn is_given_up(pid: Pid, due: Instant) -> bool {
    let is_stopped = || stat_of(pid).is_none_or(|stat| matches!(stat.state, ProcessState::Stopped | ProcessState::TracingStop));
    Instant::now() >= due + TROUBLE || Instant::now() >= due && is_stopped()
}

/// Between two looks whether it was stopped.
const NEXT_LOOK: Duration = Duration::from_millis(100);

impl Lesson {
    /// Gives a child a lane under its name, for when it executes a program and the kernel calls it like that.
    pub(crate) fn keep_name(&self, child: &Child<'_>) {
        let tid = Some(Tid::new(child.pid().number()));
        let (task, sort, pid) = (child.name().to_owned(), TaskSort::Process, child.pid());
        self.report(EventKind::TaskStarted { task, sort, pid, tid, line: None });
    }

    /// Waits on children that are about to end. A child that was stopped, and has not ended in time, is killed.
    pub(crate) fn reap_all(&self, children: Vec<Child<'_>>, grace: Duration) -> Result<Vec<Reaped>, LessonError> {
        let deadline = Instant::now() + grace;
        let mut statuses = Vec::new();
        for mut child in children {
            while child.peek()?.is_none() {
                let left = deadline.saturating_duration_since(Instant::now()).max(NEXT_LOOK);
                if let Some(asked) = self.listen(&[child.as_fd()], left)? {
                    self.refuse(&asked, TOO_LATE);
                }
                kill_if_stopped(&mut child, deadline)?;
            }
            statuses.push(child.reap()?);
        }
        Ok(statuses)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_no_program_can_get_is_refused() {
        assert_eq!(exec(&[], &[]).kind(), io::ErrorKind::InvalidInput);
        assert_eq!(exec(&["a\0b"], &[]).kind(), io::ErrorKind::InvalidInput);
    }
}
