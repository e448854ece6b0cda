//! The engine as the window and the command line see it: a queue in, the latest snapshot out.

use std::sync::{Arc, Mutex, PoisonError};

use crossbeam_channel::{Sender, TrySendError};

use super::Command;
use crate::model::Snapshot;

/// Why the engine took no command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// Too many wait already.
    #[error("the engine is busy; try again")]
    Busy,
    /// It has ended.
    #[error("the engine has ended")]
    Ended,
}

/// A cheap, cloneable way to the engine's thread.
#[derive(Debug, Clone)]
pub struct EngineHandle {
    commands: Sender<Command>,
    latest: Arc<Mutex<Arc<Snapshot>>>,
}

impl EngineHandle {
    /// A handle over an existing queue and slot: what the engine hands out, and what a test of a view can make.
    pub const fn new(commands: Sender<Command>, latest: Arc<Mutex<Arc<Snapshot>>>) -> Self {
        Self { commands, latest }
    }

    /// Queues a command. Never waits.
    pub fn send(&self, command: Command) -> Result<(), SendError> {
        self.commands.try_send(command).map_err(|error| match error {
            TrySendError::Full(_) => SendError::Busy,
            TrySendError::Disconnected(_) => SendError::Ended,
        })
    }

    /// The newest snapshot. The lock is held for one pointer copy.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(&self.latest.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
