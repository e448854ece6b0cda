//! Programs under the engine, and its costs: capturing output and reading event lines. Runs on the caller's thread, beside the engine's own.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};

use crate::engine::{
    BoardKind, Command, DEFAULT_OUTPUT_BUDGET, Engine, EngineEvent, LaunchRequest, Lines, Options, Recording, RunFold, What,
};
use crate::model::{BodyLine, ChildSpec, Event, EventKind, Input, Monotonic, Outcome, OutputTo, Pid, RunId, StopPlan, Stream};
use crate::supervisor::Client;

/// Events that may wait for us; each holds up to 64 KiB of output.
const QUEUE: usize = 1024;
/// Bytes of event lines in one read, as from a pipe.
const READ: usize = 64 * 1024;
/// Bytes of a recording that stay in memory, as for a run.
const RECORDING: usize = 6 * 1024 * 1024;

/// A command that writes so many MiB of zeros.
pub(super) fn head(mib: u64) -> [String; 4] {
    ["head".to_owned(), "-c".to_owned(), (mib << 20).to_string(), "/dev/zero".to_owned()]
}

/// An engine for runs whose output is kept whole.
#[derive(Debug)]
pub(super) struct Runs(Engine);

/// A run of one program that has passed.
#[derive(Debug)]
pub(super) struct Finished {
    /// The time from the request to the end of the run.
    pub(super) took: Duration,
    pub(super) output: Vec<u8>,
    /// What its tasks have told.
    pub(super) told: u64,
}

impl Runs {
    pub(super) fn start(program: &Path) -> anyhow::Result<Self> {
        let options =
            Options { program: program.to_owned(), subscription: Some(QUEUE), board: BoardKind::Auto, keeps_past: false };
        Ok(Self(Engine::start(Client::start(program)?, options)?))
    }

    /// Captures so many MiB and keeps their events. Returns the time from the request to the end of the run.
    pub(super) fn capture(&self, mib: u64) -> anyhow::Result<Duration> {
        let mut kept = Vec::new();
        let mut size = 0;
        let spec = ChildSpec { stdin: Input::Null, stderr: OutputTo::Inherit, ..ChildSpec::new(head(mib)) };
        let took = self.run_with(spec, |event| {
            if let EventKind::Output { stream: Stream::Stdout, bytes, .. } = &event.kind {
                size += bytes.len() as u64;
                kept.push(event);
            }
        })?;
        ensure!(size == mib << 20, "{size} bytes of {mib} MiB came");
        Ok(took)
    }

    /// Runs a program to its end.
    pub(super) fn run(&self, spec: ChildSpec) -> anyhow::Result<Finished> {
        let (mut output, mut told) = (Vec::new(), 0);
        let took = self.run_with(spec, |event| match &event.kind {
            EventKind::Output { stream: Stream::Stdout, bytes, .. } => output.extend_from_slice(bytes),
            EventKind::TaskStarted { .. } | EventKind::TaskChanged { .. } | EventKind::TaskCounts { .. } => told += 1,
            _ => {}
        })?;
        Ok(Finished { took, output, told })
    }

    /// Runs a program to its end, which must be a success, and hands over each of its events.
    fn run_with(&self, spec: ChildSpec, mut see: impl FnMut(Arc<Event>)) -> anyhow::Result<Duration> {
        let events = self.0.events().context("the engine tells nothing")?;
        let what = What::Programs { stages: vec![spec], input: None };
        let request = LaunchRequest { what, script: Vec::new(), timeout: None, stop: StopPlan::default() };
        let start = Instant::now();
        self.0.handle().send(Command::Launch(Box::new(request)))?;
        loop {
            let (run, event) = match events.recv()? {
                EngineEvent::Launched(..) | EngineEvent::Board { .. } | EngineEvent::Edge(_) | EngineEvent::Compared(_) => {
                    continue;
                }
                EngineEvent::Event(run, event) => (run, event),
                EngineEvent::NotLaunched(_, failure) => bail!(failure),
                EngineEvent::Refused(sentence) => bail!(sentence),
            };
            if let EventKind::RunFinished { outcome, .. } = &event.kind {
                let elapsed = start.elapsed();
                self.0.handle().send(Command::Forget(run))?;
                ensure!(*outcome == Outcome::Passed, "the run ended as {outcome}");
                return Ok(elapsed);
            }
            see(event);
        }
    }
}

/// Event lines as a lesson with four threads around a lock writes them.
#[derive(Debug)]
pub struct Ingest {
    text: Vec<u8>,
    lines: u64,
}

impl Ingest {
    /// Makes about so many lines.
    pub fn new(lines: u64) -> Self {
        let mut text = String::new();
        for thread in 1..=4 {
            let _ = writeln!(
                text,
                r#"{{"t":{thread}000,"kind":"task.started","task":"worker-{thread}","sort":"thread","pid":4711,"tid":{}}}"#,
                4711 + thread
            );
        }
        let mut count = 4;
        let mut t = 10_000_u64;
        while count < lines {
            let (worker, holder) = (1 + count / 6 % 4, 1 + (count / 6 + 1) % 4);
            for line in [
                format!(
                    r#""task.state","task":"worker-{worker}","state":"waiting","on":"lock counter","held_by":"worker-{holder}""#
                ),
                format!(r#""task.state","task":"worker-{worker}","state":"running""#),
                format!(r#""value","name":"counter","value":{count}"#),
                format!(r#""task.state","task":"worker-{worker}","state":"sleeping""#),
                format!(r#""task.state","task":"worker-{worker}","state":"running""#),
                format!(r#""task.counts","task":"worker-{worker}","acquired":{count},"waited":{worker}"#),
            ] {
                t += 50_000;
                count += 1;
                let _ = writeln!(text, r#"{{"t":{t},"kind":{line}}}"#);
            }
        }
        Self { text: text.into_bytes(), lines: count }
    }

    /// How many lines there are.
    pub const fn lines(&self) -> u64 {
        self.lines
    }

    /// Reads all of them as the engine does: bytes to lines, lines to events, and each event is folded and recorded.
    pub fn read_all(&self) -> anyhow::Result<Duration> {
        let (pid, run) = (Pid::new(4711), RunId::new(1));
        let mut lines = Lines::default();
        let mut fold = RunFold::new(run, "bench", "bench", DEFAULT_OUTPUT_BUDGET);
        let mut recording = Recording::new(RECORDING);
        fold.add_stage(pid);
        let mut events = Vec::new();
        let start = Instant::now();
        for bytes in self.text.chunks(READ) {
            lines.push(bytes, pid, Monotonic::ZERO, &mut |line| {
                if let BodyLine::Fact(event) = line {
                    events.push(event);
                }
                Ok(())
            });
            for event in events.drain(..) {
                fold.apply(&event);
                recording.push(Arc::new(event));
            }
        }
        let elapsed = start.elapsed();
        ensure!(recording.total() == self.lines, "{} events of {} lines", recording.total(), self.lines);
        ensure!(!recording.iter().any(|event| matches!(event.kind, EventKind::Notice { .. })), "a line was malformed");
        Ok(elapsed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_an_event() {
        let ingest = Ingest::new(1000);
        assert!(ingest.lines() >= 1000);
        assert!(ingest.read_all().expect("no notice, none lost") > Duration::ZERO);
    }
}
