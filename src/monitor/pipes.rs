//! How full the pipe between two stages is. Runs on the monitor's thread.

use std::collections::HashMap;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use rustix::fs::{Mode, OFlags};

use crate::model::{Pid, PipeFill};
use crate::sys::{link_of, queued_bytes};

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
