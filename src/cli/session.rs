//! One run from launch to its last event, for the verbs that launch something. Runs on the main thread, which takes every event.

use std::io;
use std::path::PathBuf;

use super::CliError;
use super::entry::{Start, no_engine};
use super::interrupt::Interrupts;
use crate::engine::{BoardKind, Command, Engine, LaunchRequest, Options, Told};
use crate::model::{EventKind, Outcome};

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
pub(super) struct Ended<T = Outcome> {
    /// What the last thing that was told said.
    pub(super) finished: T,
    /// 128 + number of the signal that asked us to end.
    pub(super) interrupted: Option<u8>,
}

/// Launches something and hands all that happens to the listener, to the last event. A listener that fails ends the run.
pub(super) fn session(
    request: LaunchRequest,
    keep_fds: &[i32],
    board: &BoardKind,
    start: Start<'_>,
    listener: &mut impl Listener,
) -> Result<Ended, CliError> {
    until(Command::Launch(Box::new(request)), keep_fds, board, start, listener, |told| match told {
        Told::Event(_, event) => match &event.kind {
            EventKind::RunFinished { outcome, .. } => Some(*outcome),
            _ => None,
        },
        _ => None,
    })
}

/// Gives a command and hands all that happens to the listener, until `last` has found what it waits for. A listener that fails ends
/// the runs.
pub(super) fn until<T>(
    command: Command,
    keep_fds: &[i32],
    board: &BoardKind,
    start: Start<'_>,
    listener: &mut impl Listener,
    last: impl FnMut(&Told) -> Option<T>,
) -> Result<Ended<T>, CliError> {
    let cannot_watch = |error: io::Error| CliError::Missing(format!("could not wait for signals: {error}"));
    let interrupts = Interrupts::block().map_err(cannot_watch)?;
    let options = Options { program: PathBuf::from("/proc/self/exe"), tap: Some(QUEUE), board: board.clone() };
    let engine = start(keep_fds, options).map_err(|error| no_engine(&error))?;
    interrupts.watch(engine.handle()).map_err(cannot_watch)?;
    engine.handle().send(command).map_err(|error| CliError::Missing(format!("could not launch: {error}")))?;
    let (finished, heard) = listen(&engine, &interrupts, listener, last)?;
    let interrupted = interrupts.caught().map(|number| 128 + number as u8);
    // Ctrl-C ends our reader, too.
    if interrupted.is_none() {
        heard.map_err(|error| CliError::output(&error))?;
    }
    Ok(Ended { finished, interrupted })
}

/// Listens to the end. Also says what became of the listener.
fn listen<T>(
    engine: &Engine,
    interrupts: &Interrupts,
    listener: &mut impl Listener,
    mut last: impl FnMut(&Told) -> Option<T>,
) -> Result<(T, io::Result<()>), CliError> {
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
            Err(_) => {
                tell(&mut || listener.flush());
                events.recv().map_err(|_| gone())?
            }
        };
        tell(&mut || listener.hear(&told));
        if let Some(finished) = last(&told) {
            tell(&mut || listener.flush());
            return Ok((finished, heard));
        }
        match told {
            Told::Refused(sentence) => return Err(CliError::Missing(sentence)),
            // A signal that came before there was a run has stopped nothing.
            Told::Event(_, event) if matches!(event.kind, EventKind::RunStarted { .. }) && interrupts.caught().is_some() => {
                let _ = stop();
            }
            _ => {}
        }
    }
}
