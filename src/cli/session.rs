//! From a launch to the last event, for `run` and `exec`. Runs on the main thread, which receives every event.

use std::io;
use std::time::Duration;

use crossbeam_channel::RecvTimeoutError;

use super::error::{CliError, complain};
use super::interrupt::Interrupts;
use super::out::was_given_up;
use super::start::{Start, start_engine};
use crate::engine::{BoardKind, Command, Engine, EngineEvent, LaunchRequest};
use crate::model::{EventKind, Outcome};

/// Events that may wait for us; beyond that the children wait.
const QUEUE: usize = 256;

/// Receives the events of a run.
pub(super) trait Listener {
    /// Receives one. An error ends the run; the events until then are received as well.
    fn on_event(&mut self, event: &EngineEvent) -> io::Result<()>;
    /// A command for the engine in answer to this event.
    fn command(&mut self, _: &EngineEvent) -> io::Result<Option<Command>> {
        Ok(None)
    }
    /// No event waits at the moment: writes everything that is buffered and need not wait for others.
    fn flush(&mut self) -> io::Result<()>;
    /// When to flush again, although no event has come: something waits for a moment.
    fn flush_again_in(&self) -> Option<Duration> {
        None
    }
}

/// How a session ended.
#[derive(Debug)]
pub(super) struct Ended<T = Outcome> {
    /// The result that the last event brought.
    pub(super) result: T,
    /// The exit status 128 + n, if signal n asked us to end.
    pub(super) interrupted: Option<u8>,
}

/// Launches a run and hands all events to the listener, until the run is over. A listener that fails ends the run.
pub(super) fn run_to_end(
    request: LaunchRequest,
    keep_fds: &[i32],
    board: &BoardKind,
    start: Start<'_>,
    listener: &mut impl Listener,
) -> Result<Ended, CliError> {
    command_to_end(Command::Launch(Box::new(request)), keep_fds, board, start, listener, |event| match event {
        EngineEvent::Event(_, event) => match &event.kind {
            EventKind::RunFinished { outcome, .. } => Some(*outcome),
            _ => None,
        },
        _ => None,
    })
}

/// Sends a command and hands all events to the listener, until `last` returns the result. A listener that fails ends the runs.
pub(super) fn command_to_end<T>(
    command: Command,
    keep_fds: &[i32],
    board: &BoardKind,
    start: Start<'_>,
    listener: &mut impl Listener,
    last: impl FnMut(&EngineEvent) -> Option<T>,
) -> Result<Ended<T>, CliError> {
    let shares_group = matches!(&command, Command::Launch(request) if request.shares_our_group());
    let (engine, interrupts) = start_engine(start, keep_fds, board, QUEUE, shares_group)?;
    engine.handle().send(command).map_err(|error| CliError::Missing(format!("could not launch: {error}")))?;
    let (result, listened) = listen(&engine, &interrupts, listener, last)?;
    interrupts.set_over();
    let interrupted = interrupts.caught().map(|number| 128 + number as u8);
    match listened {
        Err(error) if was_given_up(&error) => complain(&format!("could not write all to standard output: {error}")),
        // The same Ctrl-C has ended our reader.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe && interrupts.was_left_to_child() => {}
        Err(error) if interrupted.is_none() => return Err(CliError::output(&error)),
        _ => {}
    }
    Ok(Ended { result, interrupted })
}

/// Hands over events until `last` returns the result. Returns that, and the listener's first error.
fn listen<T>(
    engine: &Engine,
    interrupts: &Interrupts,
    listener: &mut impl Listener,
    mut last: impl FnMut(&EngineEvent) -> Option<T>,
) -> Result<(T, io::Result<()>), CliError> {
    let gone = || CliError::Missing("lost the engine: it ended before the run did".to_owned());
    let events = engine.events().ok_or_else(gone)?;
    let stop = || engine.handle().send(Command::StopEverything);
    let mut listened = Ok(());
    let mut check = |result: io::Result<()>| {
        if result.is_err() && listened.is_ok() {
            listened = result;
            let _ = stop();
        }
    };
    let mut stages = Vec::new();
    loop {
        let event = if let Ok(event) = events.try_recv() {
            event
        } else {
            check(listener.flush());
            match listener.flush_again_in() {
                Some(moment) => match events.recv_timeout(moment) {
                    Ok(event) => event,
                    Err(RecvTimeoutError::Timeout) => continue,
                    Err(RecvTimeoutError::Disconnected) => return Err(gone()),
                },
                None => events.recv().map_err(|_| gone())?,
            }
        };
        // Before the listener, which may have to wait for a reader.
        match &event {
            EngineEvent::Launched(_, pids) => stages.clone_from(pids),
            EngineEvent::Event(_, event) => match &event.kind {
                EventKind::ProcessStarted { pid, pgid, .. }
                    if stages.contains(pid) && interrupts.child_started(*pid, pgid.number()) =>
                {
                    let _ = stop();
                }
                _ => {}
            },
            _ => {}
        }
        check(listener.on_event(&event));
        check(match listener.command(&event) {
            Ok(Some(command)) => engine.handle().send(command).map_err(io::Error::other),
            Ok(None) => Ok(()),
            Err(error) => Err(error),
        });
        if let Some(result) = last(&event) {
            check(listener.flush());
            return Ok((result, listened));
        }
        match event {
            EngineEvent::Refused(sentence) => return Err(CliError::Missing(sentence)),
            // A signal that came before the run was there has stopped nothing.
            EngineEvent::Event(_, event)
                if matches!(event.kind, EventKind::RunStarted { .. }) && interrupts.caught().is_some() =>
            {
                let _ = stop();
            }
            _ => {}
        }
    }
}
