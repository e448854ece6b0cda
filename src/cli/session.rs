//! One run from launch to its last event, for the verbs that launch something. Runs on the main thread, which takes every event.

use std::io;
use std::path::PathBuf;

use super::CliError;
use super::entry::{Start, no_engine};
use super::error::complain;
use super::interrupt::{Interrupts, cannot_wait};
use super::out::was_given_up;
use crate::engine::{BoardKind, Command, Engine, EngineEvent, LaunchRequest, Options};
use crate::model::{EventKind, Outcome};

/// Events on the way to us; when we are slower, the children wait.
const QUEUE: usize = 256;

/// Where the events of a run go.
pub(super) trait Listener {
    /// Takes one. After a failure, which ends the run, it hears the others as well.
    fn hear(&mut self, told: &EngineEvent) -> io::Result<()>;
    /// What is to be done about it.
    fn command(&mut self, _: &EngineEvent) -> io::Result<Option<Command>> {
        Ok(None)
    }
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
        EngineEvent::Event(_, event) => match &event.kind {
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
    last: impl FnMut(&EngineEvent) -> Option<T>,
) -> Result<Ended<T>, CliError> {
    let interrupts = Interrupts::block().map_err(|error| cannot_wait(&error))?;
    let options = Options { program: PathBuf::from("/proc/self/exe"), subscription: Some(QUEUE), board: board.clone() };
    let engine = start(keep_fds, options).map_err(|error| no_engine(&error))?;
    if let Command::Launch(request) = &command
        && request.shares_our_group()
    {
        interrupts.await_companions();
    }
    interrupts.watch(engine.handle()).map_err(|error| cannot_wait(&error))?;
    engine.handle().send(command).map_err(|error| CliError::Missing(format!("could not launch: {error}")))?;
    let (finished, heard) = listen(&engine, &interrupts, listener, last)?;
    interrupts.over();
    let interrupted = interrupts.caught().map(|number| 128 + number as u8);
    match heard {
        Err(error) if was_given_up(&error) => complain(&format!("could not write all to standard output: {error}")),
        // Ctrl-C ends our reader, too.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe && interrupts.was_left() => {}
        Err(error) if interrupted.is_none() => return Err(CliError::output(&error)),
        _ => {}
    }
    Ok(Ended { finished, interrupted })
}

/// Listens to the end. Also says what became of the listener.
fn listen<T>(
    engine: &Engine,
    interrupts: &Interrupts,
    listener: &mut impl Listener,
    mut last: impl FnMut(&EngineEvent) -> Option<T>,
) -> Result<(T, io::Result<()>), CliError> {
    let gone = || CliError::Missing("lost the engine: it ended before the run did".to_owned());
    let events = engine.told().ok_or_else(gone)?;
    let stop = || engine.handle().send(Command::StopEverything);
    let mut heard = Ok(());
    let mut tell = |listener: &mut dyn FnMut() -> io::Result<()>| {
        if let Err(error) = listener()
            && heard.is_ok()
        {
            heard = Err(error);
            let _ = stop();
        }
    };
    let mut stages = Vec::new();
    loop {
        let told = if let Ok(told) = events.try_recv() {
            told
        } else {
            tell(&mut || listener.flush());
            events.recv().map_err(|_| gone())?
        };
        // Before anybody can keep us from it who does not read.
        match &told {
            EngineEvent::Launched(_, pids) => stages.clone_from(pids),
            EngineEvent::Event(_, event) => match &event.kind {
                EventKind::ProcessStarted { pid, pgid, .. }
                    if stages.contains(pid) && interrupts.started(*pid, pgid.number()) =>
                {
                    let _ = stop();
                }
                _ => {}
            },
            _ => {}
        }
        tell(&mut || listener.hear(&told));
        tell(&mut || match listener.command(&told)? {
            Some(command) => engine.handle().send(command).map_err(io::Error::other),
            None => Ok(()),
        });
        if let Some(finished) = last(&told) {
            tell(&mut || listener.flush());
            return Ok((finished, heard));
        }
        match told {
            EngineEvent::Refused(sentence) => return Err(CliError::Missing(sentence)),
            // A signal that came before there was a run has stopped nothing.
            EngineEvent::Event(_, event)
                if matches!(event.kind, EventKind::RunStarted { .. }) && interrupts.caught().is_some() =>
            {
                let _ = stop();
            }
            _ => {}
        }
    }
}
