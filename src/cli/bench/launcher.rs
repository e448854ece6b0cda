//! Launching through the supervisor as the engine does, but without the engine: a request for each child, and the reports that follow.
//! Runs on the caller's thread.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use rustix::event::{PollFd, PollFlags, poll};

use crate::engine::BoardKind;
use crate::model::{ChildSpec, Input, Line, OutputTo, RunId};
use crate::supervisor::{ChildPipes, Client, Incoming, LineRequest, ReplyTo, Report, Request};

/// A supervisor of its own. If it is dropped, everything that it has launched ends.
#[derive(Debug)]
pub struct Launcher {
    client: Client,
    runs: u32,
}

impl Launcher {
    /// Starts the supervisor role of this program.
    pub fn start(program: &Path) -> anyhow::Result<Self> {
        Ok(Self { client: Client::start(program)?, runs: 0 })
    }

    /// Launches `/bin/true` and waits for it, one after the other.
    pub fn one_after_the_other(&mut self, count: u64) -> anyhow::Result<Duration> {
        let spec = true_command();
        let start = Instant::now();
        for _ in 0..count {
            self.request_launch(&spec)?;
            self.wait_for_ends(1)?;
        }
        Ok(start.elapsed())
    }

    /// Launches `/bin/true` so many times at once, then waits for all.
    pub fn at_once(&mut self, count: u64) -> anyhow::Result<Duration> {
        let spec = true_command();
        let start = Instant::now();
        for _ in 0..count {
            self.request_launch(&spec)?;
        }
        self.wait_for_ends(count)?;
        Ok(start.elapsed())
    }

    /// Toggles a line of the simulated board so many times. Returns the time of each in seconds, from the request to the reported edge.
    pub(super) fn toggles(&mut self, count: u64) -> anyhow::Result<Vec<f64>> {
        let ask = |request| Request::Lines { reply_to: ReplyTo::Nobody, request };
        self.client.request(&ask(LineRequest::UseBoard(BoardKind::Simulated(None))))?;
        let mut seconds = Vec::new();
        // The first toggle claims the line, and its answer is the whole header; it does not count.
        for _ in 0..=count {
            let start = Instant::now();
            self.client.request(&ask(LineRequest::Toggle { line: Line::gpio(17), owner: "bench".to_owned() }))?;
            self.wait_for_edge()?;
            seconds.push(start.elapsed().as_secs_f64());
        }
        self.client.request(&ask(LineRequest::Release { owner: "bench".to_owned() }))?;
        Ok(seconds.split_off(1))
    }

    fn wait_for_edge(&mut self) -> anyhow::Result<()> {
        loop {
            match self.next()? {
                Incoming::Report(Report::Board { refused: Some(why), .. }) => bail!(why),
                Incoming::Report(Report::Board { edges, .. } | Report::Edges { edges, .. }) if !edges.is_empty() => return Ok(()),
                Incoming::Launched(..) | Incoming::Report(_) => {}
                Incoming::End => bail!("the supervisor has ended"),
            }
        }
    }

    /// Launches a child that keeps running, and returns its pipes.
    pub(super) fn launch(&mut self, spec: &ChildSpec) -> anyhow::Result<ChildPipes> {
        self.request_launch(spec)?;
        loop {
            match self.next()? {
                Incoming::Launched(_, children) => {
                    let (_, pipes) = children.into_iter().next().context("the supervisor started nothing")?;
                    return Ok(pipes);
                }
                Incoming::Report(Report::NotLaunched { failure, .. }) => bail!(failure),
                Incoming::Report(_) => {}
                Incoming::End => bail!("the supervisor has ended"),
            }
        }
    }

    fn request_launch(&mut self, spec: &ChildSpec) -> anyhow::Result<()> {
        self.runs += 1;
        Ok(self.client.request(&Request::Launch { run: RunId::new(self.runs), stages: vec![spec.clone()] })?)
    }

    fn wait_for_ends(&mut self, mut count: u64) -> anyhow::Result<()> {
        while count > 0 {
            match self.next()? {
                Incoming::Report(Report::Exited { .. }) => count -= 1,
                Incoming::Report(Report::NotLaunched { failure, .. }) => bail!(failure),
                Incoming::Launched(..) | Incoming::Report(_) => {}
                Incoming::End => bail!("the supervisor has ended"),
            }
        }
        Ok(())
    }

    /// Waits for the next report.
    fn next(&mut self) -> anyhow::Result<Incoming> {
        loop {
            if let Some(incoming) = self.client.receive()? {
                return Ok(incoming);
            }
            let wanted = if self.client.has_queued() { PollFlags::IN | PollFlags::OUT } else { PollFlags::IN };
            match poll(&mut [PollFd::new(&self.client, wanted)], None) {
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
            self.client.flush()?;
        }
    }
}

fn true_command() -> ChildSpec {
    ChildSpec { stdin: Input::Null, stdout: OutputTo::Null, stderr: OutputTo::Null, ..ChildSpec::new(["/bin/true"]) }
}
