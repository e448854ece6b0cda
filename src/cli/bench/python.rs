//! The Python side: a `python3` under the supervisor, which is asked for one figure after the other. Runs on the caller's thread, which
//! waits for the answers.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, bail};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use serde::Deserialize;

use super::launcher::Launcher;
use crate::model::{ChildSpec, Input, OutputTo};

const SCRIPT: &str = include_str!("python.py");

/// A Python that waits for questions. It ends when this is dropped.
#[derive(Debug)]
pub struct Python {
    questions: File,
    answers: BufReader<File>,
    _launcher: Launcher,
}

/// An answer of Python's.
#[derive(Deserialize)]
#[serde(untagged)]
enum Answer {
    Seconds(f64),
    Each(Vec<f64>),
    Failed { error: String },
}

impl Python {
    /// Starts it; `program` plays the supervisor.
    pub fn start(program: &Path) -> anyhow::Result<Self> {
        let mut launcher = Launcher::start(program)?;
        let spec = ChildSpec {
            stdin: Input::Pipe,
            stdout: OutputTo::Pipe,
            stderr: OutputTo::Inherit,
            // Isolated (-I) from the user's environment variables and the current folder.
            ..ChildSpec::new(["python3", "-I", "-c", SCRIPT])
        };
        let pipes = launcher.launch(&spec)?;
        let mut python =
            Self { questions: blocking(pipes.stdin)?, answers: BufReader::new(blocking(pipes.stdout)?), _launcher: launcher };
        // Waits until it has started, so that its start is no part of any figure.
        python.measure("lock_ops", 1)?;
        Ok(python)
    }

    /// Does something so many times, and returns how long it took.
    pub fn measure(&mut self, name: &str, count: u64) -> anyhow::Result<Duration> {
        match self.ask(name, count)? {
            Answer::Seconds(seconds) => Ok(Duration::try_from_secs_f64(seconds)?),
            Answer::Each(_) => bail!("Python answered with a list"),
            Answer::Failed { error } => bail!("Python says {error}"),
        }
    }

    /// How long each one took, in seconds.
    pub(super) fn measure_each(&mut self, name: &str, count: u64) -> anyhow::Result<Vec<f64>> {
        match self.ask(name, count)? {
            Answer::Each(seconds) => Ok(seconds),
            Answer::Seconds(_) => bail!("Python answered with one number"),
            Answer::Failed { error } => bail!("Python says {error}"),
        }
    }

    fn ask(&mut self, name: &str, count: u64) -> anyhow::Result<Answer> {
        writeln!(self.questions, "{name} {count}").context("python3 has ended")?;
        let mut line = String::new();
        if self.answers.read_line(&mut line)? == 0 {
            bail!("python3 has ended");
        }
        serde_json::from_str(&line).with_context(|| format!("python3 said {line:?}"))
    }
}

/// Our end of a pipe, made to block: the engine must not wait for it, but we have nothing else to do.
fn blocking(end: Option<OwnedFd>) -> anyhow::Result<File> {
    let end = end.context("the supervisor sent no pipe")?;
    let flags = fcntl_getfl(&end)?;
    fcntl_setfl(&end, flags - OFlags::NONBLOCK)?;
    Ok(File::from(end))
}
