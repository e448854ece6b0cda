//! Starting and ending the engine's threads.

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use crossbeam_channel::{Receiver, bounded};

use crate::engine::drive::bell::Bell;
use crate::engine::drive::command::Command;
use crate::engine::drive::engine_loop::EngineLoop;
use crate::engine::drive::handle::EngineHandle;
use crate::engine::drive::readers::Readers;
use crate::engine::drive::supervisor_link::SupervisorLink;
use crate::engine::run::subscription::{EngineEvent, Subscription};
use crate::gpio::{self, BoardKind, GpioError};
use crate::model::Snapshot;
use crate::supervisor::{Client, SupervisorError};
use crate::sys::{rename_thread, start_thread};

/// Commands that may wait. A person is slower; a script that is faster gets `SendError::Busy`.
const COMMANDS: usize = 256;

/// Why the engine could not be started.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The supervisor could not be started.
    #[error(transparent)]
    Supervisor(#[from] SupervisorError),
    /// The board that was asked for cannot be used.
    #[error(transparent)]
    Board(#[from] GpioError),
    /// There is no thread, descriptor or /proc to be had.
    #[error("could not start the engine: {0}")]
    Io(#[from] io::Error),
}

/// Options of the engine.
#[derive(Debug)]
pub struct Options {
    /// The program that plays the other roles: `/proc/self/exe`, or the built binary in a test.
    pub program: PathBuf,
    /// Capacity of the queue of a listener that wants all events. Without one, output may be dropped and counted.
    pub subscription: Option<usize>,
    /// The GPIO board.
    pub board: BoardKind,
    /// Whether somebody looks at the lanes: then nothing of their past is forgotten. Else they show the newest seconds.
    pub keeps_past: bool,
}

/// A running engine. Dropping it ends all runs and returns when nothing of them is left.
#[derive(Debug)]
pub struct Engine {
    handle: EngineHandle,
    events: Option<Receiver<EngineEvent>>,
    bell: Bell,
    thread: Option<JoinHandle<()>>,
    alive: Option<crossbeam_channel::Sender<()>>,
}

impl Engine {
    /// Starts the engine's threads over a supervisor that was started first thing in `main`.
    pub fn start(supervisor: Client, options: Options) -> Result<Self, EngineError> {
        // The supervisor opens the board; here it is only tried, so that nothing starts without the chosen board.
        if options.board != BoardKind::Auto {
            gpio::open_board(&options.board)?;
        }
        let bell = Bell::new()?;
        let (commands, received) = bounded::<Command>(COMMANDS);
        let latest = Arc::new(Mutex::new(Arc::new(Snapshot::default())));
        let handle = EngineHandle::new(commands, latest).with_bell(bell.clone());
        let (sender, events) = options.subscription.map(bounded).unzip();
        let (alive, ended) = bounded::<()>(0);
        let readers = Readers::start(supervisor.pid(), &bell)?;
        let publisher = handle.clone();
        let loop_bell = bell.clone();
        let thread = start_thread("engine", move || {
            let _ = rename_thread("engine");
            let mut engine = EngineLoop::new(
                SupervisorLink::new(supervisor, options.program),
                Subscription::new(sender),
                readers,
                publisher,
                loop_bell,
            );
            engine.keeps_past = options.keeps_past;
            engine.use_board(options.board);
            engine.run(&received, &ended);
        })?;
        Ok(Self { handle, events, bell, thread: Some(thread), alive: Some(alive) })
    }

    /// The way to the engine's thread.
    pub fn handle(&self) -> EngineHandle {
        self.handle.clone()
    }

    /// All events, if there is to be a listener. While it is behind, the children wait.
    pub const fn events(&self) -> Option<&Receiver<EngineEvent>> {
        self.events.as_ref()
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.alive = None;
        self.bell.ring();
        if let Some(thread) = self.thread.take() {
            // A panic of the thread has been printed; its supervisor's socket is closed either way.
            let _ = thread.join();
        }
    }
}
