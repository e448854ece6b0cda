//! The Python side: one `python3` under the supervisor, which is asked for one measure after the other. On the caller's
//! thread, which waits for the answers.

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

/// A Python that waits for questions. Dropping it ends it.
#[derive(Debug)]
pub struct Python {
    questions: File,
    answers: BufReader<File>,
    _launcher: Launcher,
}

/// What it answers.
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
            // Isolated: not with what the environment and the current folder tell the user's own Python.
            ..ChildSpec::new(["python3", "-I", "-c", SCRIPT])
        };
        let pipes = launcher.launch(&spec)?;
        let mut python =
            Self { questions: waiting(pipes.stdin)?, answers: BufReader::new(waiting(pipes.stdout)?), _launcher: launcher };
        // Its start is no part of any measure.
        python.measure("lock_ops", 1)?;
        Ok(python)
    }

    /// How long it takes to do something so many times.
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

/// The engine's end of a pipe never waits; here there is nothing else to do meanwhile.
fn waiting(end: Option<OwnedFd>) -> anyhow::Result<File> {
    let end = end.context("the supervisor sent no pipe")?;
    let flags = fcntl_getfl(&end)?;
    fcntl_setfl(&end, flags - OFlags::NONBLOCK)?;
    Ok(File::from(end))
}
