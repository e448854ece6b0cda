//! The costs of processes: a fork, a pool of forked workers, a queue into another process, many sleepers. Forks this process, so it must have
//! one thread. Each child leaves through `exit_now`, and ends when its pipe is closed, even if we are killed.

use std::io;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{WaitOptions, waitpid};

use super::work::{QUEUE_CAPACITY, WORKERS, square};
use crate::model::Pid;
use crate::sys::{Forked, exit_now, fork, has_one_thread};

/// Bytes of a message. It is a number, so small that a pipe does not split it.
const SIZE: usize = size_of::<u64>();

/// Children that are waited for when this is dropped. The pipes from which they read must be closed by then.
#[derive(Debug, Default)]
pub(super) struct Children(Vec<Pid>);

impl Drop for Children {
    fn drop(&mut self) {
        for pid in &self.0 {
            let pid = rustix::process::Pid::from_raw(pid.number());
            while matches!(waitpid(pid, WaitOptions::empty()), Err(rustix::io::Errno::INTR)) {}
        }
    }
}

impl Children {
    /// Forks; the child must leave through `exit_now`.
    pub(super) fn fork(&mut self) -> io::Result<Forked> {
        let forked = fork()?;
        if let Forked::Parent(pid) = forked {
            self.0.push(pid);
        }
        Ok(forked)
    }
}

/// Waits until joined threads have gone from /proc: a join returns shortly before that.
pub(super) fn wait_for_one_thread() -> anyhow::Result<()> {
    let deadline = Instant::now() + Duration::from_secs(1);
    while !has_one_thread()? {
        ensure!(Instant::now() < deadline, "this process has more than one thread, so it cannot fork safely");
        std::thread::yield_now();
    }
    Ok(())
}

pub(super) fn fork_wait(count: u64) -> anyhow::Result<Duration> {
    let start = Instant::now();
    for _ in 0..count {
        if Children::default().fork()? == Forked::Child {
            exit_now(0);
        }
    }
    Ok(start.elapsed())
}

pub(super) fn pool_tasks(count: u64) -> anyhow::Result<Duration> {
    wait_for_one_thread()?;
    // Dropped in this order when something fails: the pipes first, so that the workers end and can be waited for.
    let mut workers = Children::default();
    let (results, sender) = pipe_with(PipeFlags::CLOEXEC)?;
    let (handed, tasks) = pipe_with(PipeFlags::CLOEXEC)?;
    for _ in 0..WORKERS {
        if workers.fork()? == Forked::Child {
            drop((tasks, results));
            exit_now(work(&handed, &sender).is_err().into());
        }
    }
    drop((handed, sender));
    let start = Instant::now();
    // At most a quarter of the queue is under way. That fits into the pipes, so no worker waits for us while we wait for it.
    let (mut given, mut done, mut sum) = (0, 0, 0_u64);
    while done < count {
        while given < count && given - done < QUEUE_CAPACITY as u64 / 4 {
            give(&tasks, given)?;
            given += 1;
        }
        sum = sum.wrapping_add(take(&results)?.context("the workers have ended")?);
        done += 1;
    }
    let elapsed = start.elapsed();
    ensure!(sum == (0..count).map(square).fold(0, u64::wrapping_add), "a task was lost");
    drop((tasks, results));
    Ok(elapsed)
}

/// A worker: makes a result of each task, until no more come.
fn work(handed: &OwnedFd, results: &OwnedFd) -> io::Result<()> {
    while let Some(task) = take(handed)? {
        give(results, square(task))?;
    }
    Ok(())
}

pub(super) fn queue_items(count: u64) -> anyhow::Result<Duration> {
    wait_for_one_thread()?;
    let mut taker = Children::default();
    let (done, sender) = pipe_with(PipeFlags::CLOEXEC)?;
    let (taken, items) = pipe_with(PipeFlags::CLOEXEC)?;
    if taker.fork()? == Forked::Child {
        drop((items, done));
        exit_now(receive(count, &taken, &sender).is_err().into());
    }
    drop((taken, sender));
    let start = Instant::now();
    for number in 0..count {
        give(&items, number)?;
    }
    let received = take(&done)?.context("the taker has ended")?;
    let elapsed = start.elapsed();
    ensure!(received == count, "an item was lost");
    drop(items);
    Ok(elapsed)
}

/// The other process: takes items as long as they come in order, and reports how many.
fn receive(count: u64, items: &OwnedFd, done: &OwnedFd) -> io::Result<()> {
    let mut expected = 0;
    while expected < count && take(items)? == Some(expected) {
        expected += 1;
    }
    give(done, expected)
}

/// Many processes that only sleep, until this is dropped.
#[derive(Debug)]
pub struct Sleepers {
    // Fields are dropped in this order: the pipe is closed, so the sleepers end, and then we wait for them.
    _writer: OwnedFd,
    _children: Children,
}

impl Sleepers {
    /// Forks so many processes.
    pub fn start(count: usize) -> anyhow::Result<Self> {
        wait_for_one_thread()?;
        let mut children = Children::default();
        let (reader, writer) = pipe_with(PipeFlags::CLOEXEC)?;
        for number in 0..count {
            let forked = children.fork().with_context(|| format!("this machine gave no more than {number} processes"))?;
            if forked == Forked::Child {
                drop(writer);
                exit_now(take(&reader).is_err().into());
            }
        }
        Ok(Self { _writer: writer, _children: children })
    }
}

fn give(pipe: &OwnedFd, number: u64) -> io::Result<()> {
    loop {
        match rustix::io::write(pipe, &number.to_ne_bytes()) {
            Err(rustix::io::Errno::INTR) => {}
            result => return Ok(result.map(drop)?),
        }
    }
}

/// The next number; `None` once all writers have closed the pipe.
fn take(pipe: &OwnedFd) -> io::Result<Option<u64>> {
    let mut bytes = [0; SIZE];
    loop {
        match rustix::io::read(pipe, &mut bytes) {
            Err(rustix::io::Errno::INTR) => {}
            Ok(SIZE) => return Ok(Some(u64::from_ne_bytes(bytes))),
            Ok(0) => return Ok(None),
            Ok(_) => return Err(io::ErrorKind::InvalidData.into()),
            Err(error) => return Err(error.into()),
        }
    }
}
