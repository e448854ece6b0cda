//! How full the pipe between two stages is, and which processes have a pipe open. Runs on the monitor's thread, or on the one that asks why
//! threads wait.

use std::collections::HashMap;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use crate::model::{Pid, PipeFill};
use crate::sys::{link_of, queued_bytes, stat_of};

/// Descriptors of one process that are looked through; of one with more it is not known what it has open.
const MOST_DESCRIPTORS: usize = 256;

/// One end of a pipe. The number is the right of the owner in the mode of a link in /proc/PID/fd: how the descriptor was opened (proc(5)).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub(super) enum End {
    Reading = 0o400,
    Writing = 0o200,
}

/// Those of the processes that have this end of a pipe open; `None` where that is not known. `pipe` is what /proc/PID/fd/N points to.
pub(super) fn users(pipe: &Path, end: End, processes: &[Pid]) -> Option<Vec<Pid>> {
    let mut found = Vec::new();
    for pid in processes {
        if has_open(*pid, pipe, end)? {
            found.push(*pid);
        }
    }
    Some(found)
}

fn has_open(pid: Pid, pipe: &Path, end: End) -> Option<bool> {
    let links = match std::fs::read_dir(format!("/proc/{pid}/fd")) {
        Ok(links) => links,
        Err(error) => return has_ended(pid, &error).then_some(false),
    };
    for (count, link) in links.enumerate() {
        let link = match link {
            Ok(link) if count < MOST_DESCRIPTORS => link.path(),
            Ok(_) => return None,
            Err(error) => return has_ended(pid, &error).then_some(false),
        };
        let is_it = std::fs::read_link(&link).is_ok_and(|target| target == pipe);
        // One that is closed meanwhile is not open any more.
        if is_it && std::fs::symlink_metadata(&link).is_ok_and(|link| link.permissions().mode() & end as u32 != 0) {
            return Some(true);
        }
    }
    Some(false)
}

/// Whether the process has ended. The folder of a zombie is root's.
fn has_ended(pid: Pid, error: &io::Error) -> bool {
    let is_gone = error.kind() == io::ErrorKind::NotFound || error.raw_os_error() == Some(Errno::SRCH.raw_os_error());
    is_gone || stat_of(pid).is_none_or(|stat| stat.has_ended())
}

/// Looks into the pipes between the stages of pipelines.
///
/// A process that holds a pipe's reading end keeps SIGPIPE from the writer, and one that holds the writing end keeps the end of the file
/// from the reader. So neither is held for this: the reader's own end is opened again for the moment of a look. Should the reader
/// die in that moment, closing wakes the writer, and its next write fails (pipe(7)).
#[derive(Debug, Default)]
pub struct Pipes {
    /// The pipe that each reader was given. A reader that has put something else in its place is not looked at.
    given: HashMap<(Pid, Pid), PathBuf>,
}

impl Pipes {
    /// The pairs of writer and reader among these processes: the standard output of the one is the pipe of the other's standard input.
    /// Of several readers, and of several writers, the first.
    pub fn find(processes: &[Pid]) -> Vec<(Pid, Pid)> {
        let pipe = |pid: &Pid, number: u8| {
            link_of(*pid, &format!("fd/{number}")).filter(|target| target.as_os_str().as_bytes().starts_with(b"pipe:"))
        };
        let mut readers: HashMap<PathBuf, Pid> = HashMap::new();
        for reader in processes {
            if let Some(target) = pipe(reader, 0) {
                readers.entry(target).or_insert(*reader);
            }
        }
        let mut pairs = Vec::new();
        for writer in processes {
            if let Some(reader) = pipe(writer, 1).and_then(|target| readers.remove(&target)).filter(|reader| reader != writer) {
                pairs.push((*writer, reader));
            }
        }
        pairs
    }

    /// The pipe that `writer` writes to and `reader` reads, or `None` once the reader has gone or has closed it.
    pub fn look(&mut self, writer: Pid, reader: Pid) -> Option<PipeFill> {
        let target = link_of(reader, "fd/0")?;
        let given = match self.given.get(&(writer, reader)) {
            Some(given) => given,
            // The first look comes while both have what they were started with.
            None if target == link_of(writer, "fd/1")? => self.given.entry((writer, reader)).or_insert_with(|| target.clone()),
            None => return None,
        };
        if *given != target {
            return None;
        }
        let end = format!("/proc/{reader}/fd/0");
        let pipe = rustix::fs::open(end, OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC, Mode::empty()).ok()?;
        let bytes = queued_bytes(&pipe).ok()? as u64;
        let capacity = rustix::pipe::fcntl_getpipe_size(&pipe).ok()? as u64;
        Some(PipeFill { bytes, capacity })
    }

    /// Forgets all pairs but these.
    pub fn keep(&mut self, pairs: &[(Pid, Pid)]) {
        self.given.retain(|pair, _| pairs.contains(pair));
    }
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;
    use crate::sys::own_pid;

    #[test]
    fn the_users_of_each_end_are_found_on_any_descriptor() {
        let (reading, writing) = std::io::pipe().expect("a pipe");
        let mut child = Command::new("sleep").arg("60").stderr(writing.try_clone().expect("a pipe")).spawn().expect("starts");
        let (me, other) = (own_pid(), Pid::new(child.id().cast_signed()));
        let pipe = std::os::fd::AsRawFd::as_raw_fd(&reading);
        let pipe = link_of(me, &format!("fd/{pipe}")).expect("open");
        let nobody = Pid::new(i32::MAX);
        assert_eq!(users(&pipe, End::Writing, &[me, other, nobody]), Some(vec![me, other]));
        assert_eq!(users(&pipe, End::Reading, &[me, other, nobody]), Some(vec![me]));
        drop(writing);
        assert_eq!(users(&pipe, End::Writing, &[me, other]), Some(vec![other]));
        child.kill().expect("ours");
        let deadline = std::time::Instant::now() + std::time::Duration::from_mins(1);
        while users(&pipe, End::Writing, &[other]) != Some(Vec::new()) {
            assert!(std::time::Instant::now() < deadline, "a zombie has nothing open");
            std::thread::yield_now();
        }
        child.wait().expect("ours");
    }

    #[test]
    fn what_waits_in_a_pipe_is_counted_and_its_writer_still_gets_sigpipe() {
        let mut writer =
            Command::new("sh").args(["-c", "printf 12345; exec cat"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let writer = writer.as_mut().expect("starts");
        let mut reader = Command::new("sleep").arg("60").stdin(writer.stdout.take().expect("piped")).spawn().expect("starts");
        let (from, to) = (Pid::new(writer.id().cast_signed()), Pid::new(reader.id().cast_signed()));
        let mut pipes = Pipes::default();
        let deadline = std::time::Instant::now() + std::time::Duration::from_mins(1);
        while pipes.look(from, to) != Some(PipeFill { bytes: 5, capacity: 65_536 }) {
            assert!(std::time::Instant::now() < deadline, "{:?}", pipes.look(from, to));
            std::thread::yield_now();
        }
        assert_eq!(pipes.look(to, from), None, "the other way round there is none");
        let me = own_pid();
        assert_eq!(Pipes::find(&[me, from, to]), [(from, to)]);
        reader.kill().and_then(|()| reader.wait()).expect("ours");
        assert_eq!(pipes.look(from, to), None, "nobody reads");
        std::io::Write::write_all(&mut writer.stdin.take().expect("piped"), b"more").expect("taken");
        let status = writer.wait().expect("ours");
        assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(13), "{status}");
    }
}
