//! Families of processes: a fork that becomes another program, what /proc says of who is whose, and the last wait.

use std::ffi::CString;
use std::fs;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use procfs::process::{Process, Stat};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::model::{EventKind, Pid, Signal, TaskSort, Tid};
use crate::scenario::lesson::children::{Child, Reaped};
use crate::scenario::lesson::control::TOO_LATE;
use crate::scenario::lesson::handle::{Lesson, LessonError};
use crate::sys::{default_what_we_ignore, foreign_proc};

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
            default_what_we_ignore();
            nix::unistd::execvpe(&argv[0], &argv, &env).map_or_else(Into::into, |never| match never {})
        }
        _ => io::ErrorKind::InvalidInput.into(),
    }
}

/// The file that a program's name stands for, as the search in PATH finds it, without links.
pub(crate) fn file_of_program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file())?.canonicalize().ok()
}

/// What /proc/PID/stat says; `None` if there is no such process.
pub(crate) fn stat_of(pid: Pid) -> Option<Stat> {
    Process::new(pid.number()).and_then(|process| process.stat()).ok()
}

/// What a link below /proc/PID points to: `exe`, `cwd`, `fd/0`.
pub(crate) fn link_of(pid: Pid, link: &str) -> Option<PathBuf> {
    fs::read_link(Path::new("/proc").join(pid.to_string()).join(link)).ok()
}

/// How many of a process's descriptors are this file, pipe or socket.
pub(crate) fn descriptors_of(pid: Pid, what: &Path) -> usize {
    let links = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    links.filter(|link| fs::read_link(link.path()).is_ok_and(|target| target == what)).count()
}

/// Resident memory of a process, and how much of it is its alone and not shared with others, in KiB.
pub(crate) fn memory_of(pid: Pid) -> Option<(u64, u64)> {
    let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?;
    let kib = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        line.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok())
    };
    Some((kib("Rss")?, kib("Private_Clean")? + kib("Private_Dirty")?))
}

/// Milliseconds that the first thread of a process has been on a core; `None` on kernels without that accounting.
pub(crate) fn millis_on_a_core(pid: Pid) -> Option<f64> {
    let nanos = fs::read_to_string(format!("/proc/{pid}/schedstat")).ok()?.split_whitespace().next()?.parse::<f64>().ok()?;
    Some(nanos / 1e6)
}

/// A process, its parent, its parent's parent and so on, up to one that has none.
pub(crate) fn line_of_parents(pid: Pid) -> Vec<Stat> {
    let mut line = Vec::new();
    let mut next = pid.number();
    // A PID that is used again while this reads could close a circle.
    while line.len() < 1_000
        && let Some(stat) = stat_of(Pid::new(next))
    {
        next = stat.ppid;
        line.push(stat);
    }
    line
}

/// The living children of a process, oldest first. Nobody, where /proc is another PID namespace's: they would be others' children.
pub(crate) fn children_of(pid: Pid) -> Vec<Stat> {
    if foreign_proc().is_some() {
        return Vec::new();
    }
    let all = procfs::process::all_processes().into_iter().flatten().flatten();
    let mut children: Vec<Stat> =
        all.filter_map(|process| process.stat().ok()).filter(|stat| stat.ppid == pid.number()).collect();
    children.retain(|stat| stat.state != 'Z');
    children.sort_by_key(|stat| (stat.starttime, stat.pid));
    children
}

/// Whether this is readable or closed, now or within some time. Nobody is heard meanwhile.
pub(crate) fn is_ready(fd: BorrowedFd<'_>, patience: Duration) -> bool {
    let patience = Timespec { tv_sec: patience.as_secs() as i64, tv_nsec: i64::from(patience.subsec_nanos()) };
    rustix::io::retry_on_intr(|| poll(&mut [PollFd::from_borrowed_fd(fd, PollFlags::IN)], Some(&patience))) == Ok(1)
}

/// So long after it was due nobody waits any longer, stopped or not: only a machine in trouble takes longer.
const TROUBLE: Duration = Duration::from_secs(30);

/// Waits on a child that is about to end, and hears nothing meanwhile. Who was stopped does not end, and is killed.
pub(crate) fn reap_soon(mut child: Child<'_>) -> Result<Reaped, LessonError> {
    let due = Instant::now() + Duration::from_secs(2);
    while child.peek()?.is_none() {
        is_ready(child.as_fd(), due.saturating_duration_since(Instant::now()).max(NEXT_LOOK));
        kill_who_was_stopped(&mut child, due)?;
    }
    child.reap()
}

/// Kills a child that nobody waits for any longer.
pub(crate) fn kill_who_was_stopped(child: &mut Child<'_>, due: Instant) -> Result<(), LessonError> {
    if child.peek()?.is_none() && is_given_up(child.pid(), due) {
        child.signal(Signal::KILL);
    }
    Ok(())
}

/// Whether nobody waits any longer for what a process should have done by then: somebody has stopped it. On a busy machine it
/// may just be late.
pub(crate) fn is_given_up(pid: Pid, due: Instant) -> bool {
    let is_stopped = || stat_of(pid).is_none_or(|stat| matches!(stat.state, 'T' | 't'));
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

    /// Waits on children that are about to end. Who was stopped, and has not ended in time, is killed.
    pub(crate) fn reap_all(&self, children: Vec<Child<'_>>, grace: Duration) -> Result<Vec<Reaped>, LessonError> {
        let deadline = Instant::now() + grace;
        let mut statuses = Vec::new();
        for mut child in children {
            while child.peek()?.is_none() {
                let left = deadline.saturating_duration_since(Instant::now()).max(NEXT_LOOK);
                if let Some(asked) = self.listen(&[child.as_fd()], left)? {
                    self.refuse(&asked, TOO_LATE);
                }
                kill_who_was_stopped(&mut child, deadline)?;
            }
            statuses.push(child.reap()?);
        }
        Ok(statuses)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::lesson::handle::own_pid;

    #[test]
    fn the_line_of_parents_ends_where_nobody_is_above() {
        let line = line_of_parents(own_pid());
        assert_eq!(line[0].pid, own_pid().number());
        assert!(line.len() > 1 && line.windows(2).all(|pair| pair[0].ppid == pair[1].pid), "{line:?}");
        assert_eq!(line.last().map(|last| last.ppid), Some(0));
        assert!(line_of_parents(Pid::new(i32::MAX)).is_empty());
        assert_eq!((millis_on_a_core(Pid::new(i32::MAX)), memory_of(Pid::new(i32::MAX))), (None, None));
    }

    #[test]
    fn a_program_is_found_in_path_and_a_descriptor_by_its_link() {
        let shell = file_of_program("sh").expect("a shell");
        assert!(shell.is_absolute() && shell.is_file(), "{shell:?}");
        assert_eq!(file_of_program("no-such-program"), None);
        let file = fs::File::open(&shell).expect("readable");
        assert!(descriptors_of(own_pid(), &shell) >= 1);
        drop(file);
        assert_eq!(link_of(own_pid(), "exe"), std::env::current_exe().ok());
        assert!(children_of(Pid::new(i32::MAX)).is_empty());
    }

    #[test]
    fn a_text_that_no_program_can_get_is_refused() {
        assert_eq!(exec(&[], &[]).kind(), io::ErrorKind::InvalidInput);
        assert_eq!(exec(&["a\0b"], &[]).kind(), io::ErrorKind::InvalidInput);
    }
}
