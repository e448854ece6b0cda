//! The engine as the window and the command line see it: a queue in, the latest snapshot out.

use std::sync::{Arc, Mutex, PoisonError};
use std::task::Waker;

use crossbeam_channel::{Sender, TrySendError};

use crate::engine::drive::bell::Bell;
use crate::engine::drive::command::Command;
use crate::model::Snapshot;

/// Why the engine took no command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// Too many commands wait already.
    #[error("the engine is busy; try again")]
    Busy,
    /// The engine has ended.
    #[error("the engine has ended")]
    Ended,
}

/// A cheap, cloneable way to the engine's thread.
#[derive(Debug, Clone)]
pub struct EngineHandle {
    commands: Sender<Command>,
    latest: Arc<Mutex<Arc<Snapshot>>>,
    bell: Option<Bell>,
    waker: Arc<Mutex<Option<Waker>>>,
}

impl EngineHandle {
    /// A handle over an existing queue and slot, without an engine, for tests of views.
    pub fn new(commands: Sender<Command>, latest: Arc<Mutex<Arc<Snapshot>>>) -> Self {
        Self { commands, latest, bell: None, waker: Arc::default() }
    }

    pub(crate) fn with_bell(mut self, bell: Bell) -> Self {
        self.bell = Some(bell);
        self
    }

    /// A handle that a waker may keep: it does not own the waker.
    #[must_use]
    pub fn reader(&self) -> Self {
        Self { waker: Arc::default(), ..self.clone() }
    }

    /// Queues a command. Never waits.
    pub fn send(&self, command: Command) -> Result<(), SendError> {
        self.commands.try_send(command).map_err(|error| match error {
            TrySendError::Full(_) => SendError::Busy,
            TrySendError::Disconnected(_) => SendError::Ended,
        })?;
        if let Some(bell) = &self.bell {
            bell.ring();
        }
        Ok(())
    }

    /// The newest snapshot. The lock is held for one pointer copy.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(&self.latest.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Sets the waker that each new snapshot wakes.
    pub fn set_waker(&self, waker: Waker) {
        *self.waker.lock().unwrap_or_else(PoisonError::into_inner) = Some(waker);
    }

    pub(crate) fn publish(&self, snapshot: Snapshot) {
        let snapshot = Arc::new(snapshot);
        *self.latest.lock().unwrap_or_else(PoisonError::into_inner) = snapshot;
        if let Some(waker) = &*self.waker.lock().unwrap_or_else(PoisonError::into_inner) {
            waker.wake_by_ref();
        }
    }
}
