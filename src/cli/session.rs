//! One run from launch to its last event, for the verbs that launch something. Runs on the main thread, which takes every event.

use std::io;
use std::path::PathBuf;

use crossbeam_channel::TryRecvError;

use super::CliError;
use super::entry::{Start, no_engine};
use super::interrupt::Interrupts;
use crate::engine::{Command, Engine, LaunchRequest, Options, Told};
use crate::model::{EventKind, Finished};

/// Events on the way to us; when we are slower, the children wait.
const QUEUE: usize = 256;

/// Where the events of a run go.
pub(super) trait Listener {
    /// Takes one.
    fn hear(&mut self, told: &Told) -> io::Result<()>;
    /// Nothing more is there at the moment: what was held back goes out.
    fn flush(&mut self) -> io::Result<()>;
}

/// How a run ended for the caller.
#[derive(Debug)]
pub(super) struct Ended {
    /// What `run.finished` said.
    pub(super) finished: Finished,
    /// 128 + number of the signal that asked us to end.
    pub(super) interrupted: Option<u8>,
}

/// Launches something and hands all that happens to the listener, to the last event. A listener that fails ends the run.
pub(super) fn session(
    request: LaunchRequest,
    keep_fds: &[i32],
    start: Start<'_>,
    listener: &mut impl Listener,
) -> Result<Ended, CliError> {
    let cannot_watch = |error: io::Error| CliError::Missing(format!("could not wait for signals: {error}"));
    let interrupts = Interrupts::block().map_err(cannot_watch)?;
    let options = Options { program: PathBuf::from("/proc/self/exe"), tap: Some(QUEUE) };
    let engine = start(keep_fds, options).map_err(|error| no_engine(&error))?;
    interrupts.watch(engine.handle()).map_err(cannot_watch)?;
    engine
        .handle()
        .send(Command::Launch(Box::new(request)))
        .map_err(|error| CliError::Missing(format!("could not launch: {error}")))?;
    let (finished, heard) = listen(&engine, &interrupts, listener)?;
    let interrupted = interrupts.caught().map(|number| 128 + number as u8);
    // Ctrl-C ends our reader, too.
    if interrupted.is_none() {
        heard.map_err(|error| CliError::output(&error))?;
    }
    Ok(Ended { finished, interrupted })
}

/// Listens to the end of the run. Also says what became of the listener.
fn listen(
    engine: &Engine,
    interrupts: &Interrupts,
    listener: &mut impl Listener,
) -> Result<(Finished, io::Result<()>), CliError> {
    let gone = || CliError::Missing("lost the engine: it ended before the run did".to_owned());
    let events = engine.told().ok_or_else(gone)?;
    let stop = || engine.handle().send(Command::StopEverything);
    let mut heard = Ok(());
    // A listener that fails hears nothing more; the run is ended, and what it still says is let go.
    let mut tell = |listener: &mut dyn FnMut() -> io::Result<()>| {
        if heard.is_ok() {
            heard = listener();
            if heard.is_err() {
                let _ = stop();
            }
        }
    };
    loop {
        let told = match events.try_recv() {
            Ok(told) => told,
            Err(TryRecvError::Empty) => {
                tell(&mut || listener.flush());
                events.recv().map_err(|_| gone())?
            }
            Err(TryRecvError::Disconnected) => return Err(gone()),
        };
        tell(&mut || listener.hear(&told));
        match told {
            Told::Refused(sentence) => return Err(CliError::Missing(sentence)),
            Told::Event(_, event) => match &event.kind {
                // A signal that came before there was a run has stopped nothing.
                EventKind::RunStarted { .. } if interrupts.caught().is_some() => {
                    let _ = stop();
                }
                EventKind::RunFinished { outcome, elapsed_s, processes_left, .. } => {
                    let finished = Finished { outcome: *outcome, elapsed_s: *elapsed_s, processes_left: *processes_left };
                    tell(&mut || listener.flush());
                    return Ok((finished, heard));
                }
                _ => {}
            },
            Told::Launched(..) | Told::NotLaunched(..) | Told::Board { .. } | Told::Edge(_) => {}
        }
    }
}
