//! How a verb that launches something gets its engine: the board to drive, and the signals that end its runs. Runs on the main thread,
//! before any other thread is there.

use std::io;
use std::path::{Path, PathBuf};

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};

use super::error::{CliError, complain};
use super::interrupt::Interrupts;
use crate::engine::{BoardKind, Engine, EngineError, Options};
use crate::model::Language;

/// Starts a supervisor, which keeps these descriptors of ours open, and an engine over it. Called at most once, and not at all
/// by verbs that launch nothing.
pub type Start<'a> = Box<dyn FnOnce(&[i32], Options) -> Result<Engine, EngineError> + 'a>;

/// Which board drives the 40-pin header.
#[derive(Debug, Default, Args)]
pub struct BoardChoice {
    /// The GPIO board: auto, chardev (or chardev:LABEL of a chip), rppal, simulated (or simulated:FILE, a log of all edges)
    #[arg(long, default_value = "auto", value_name = "BOARD")]
    pub board: BoardKind,
}

/// The language of a lesson.
#[derive(Debug, Default, Args)]
pub struct LanguageChoice {
    /// The language of the scenario's code: Python where python3 is there, else Rust
    #[arg(long, value_parser = PossibleValuesParser::new(["python", "rust"]).map(|word| language(&word)))]
    pub language: Option<Language>,
}

fn language(word: &str) -> Language {
    if word == "python" { Language::Python } else { Language::Rust }
}

impl BoardChoice {
    /// The file to which the board writes, with its option.
    pub(super) fn files(&self) -> impl Iterator<Item = (&'static str, &Path)> {
        let log = if let BoardKind::Simulated(log) = &self.board { log.as_deref() } else { None };
        log.map(|log| ("--board simulated:", Path::new(log))).into_iter()
    }
}

/// Starts the engine. From now on SIGINT, SIGTERM and SIGHUP end its runs; `queue` is how many events may wait for us.
/// `shares_group`: the children will be in our own process group.
pub(super) fn start_engine(
    start: Start<'_>,
    keep_fds: &[i32],
    board: &BoardKind,
    queue: usize,
    shares_group: bool,
) -> Result<(Engine, Interrupts), CliError> {
    let interrupts = Interrupts::block().map_err(|error| cannot_wait(&error))?;
    if shares_group {
        interrupts.expect_group_children();
    }
    let program = PathBuf::from("/proc/self/exe");
    let options = Options { program, subscription: Some(queue), board: board.clone(), keeps_past: false };
    let engine = start(keep_fds, options).map_err(|error| {
        if !matches!(error, EngineError::Board(_)) {
            complain("nothing can be launched; `tasklab doctor` looks for the cause");
        }
        CliError::Missing(error.to_string())
    })?;
    interrupts.watch(engine.handle()).map_err(|error| cannot_wait(&error))?;
    Ok((engine, interrupts))
}

/// Why signals cannot be waited for, and what helps.
fn cannot_wait(error: &io::Error) -> CliError {
    let is_full = matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE));
    let help = if is_full { "; the limit on open files is reached: raise it (ulimit -n), or close some before" } else { "" };
    CliError::Missing(format!("could not wait for signals: {error}{help}"))
}
