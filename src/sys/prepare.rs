//! Prepares a child: from its spec to the form that the kernel takes, with its pipes made and its files opened. For the supervisor's
//! children, and for the programs that a lesson's body starts.

use std::collections::BTreeMap;
use std::ffi::{CString, OsStr, OsString};
use std::io;
use std::os::fd::{AsFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::sync::OnceLock;

use rustix::fs::{Mode, OFlags};
use rustix::pipe::{PipeFlags, fcntl_setpipe_size, pipe_with};
use serde::{Deserialize, Serialize};

use super::exec::{assignment, candidates};
use super::fds::{dup_at_least, open_null};
use super::fifo::{FifoOpening, make_fifo, open_fifos_first};
use super::spawn::{Placement, Prepared};
use super::terminal::open_terminal;
use crate::model::{ChildSpec, Group, Input, InvalidSpec, OutputTo, Signal};

/// Variables that another Task Lab may have set for us, and that are not for our children.
const OWN_VARIABLES: [&str; 8] = [
    "TASKLAB_EVENTS",
    "TASKLAB_EVENTS_FILE",
    "TASKLAB_CONTROL",
    "TASKLAB_T0",
    "TASKLAB_PARAMS",
    "TASKLAB_OBSERVE",
    "TASKLAB_TASK",
    "TASKLAB_ABOVE",
];

/// The lowest number of a duplicate, so that placing one descriptor cannot overwrite the source of another.
const LOWEST_DUPLICATE: RawFd = 16;

/// Our ends of one child's pipes, as far as its spec asks for them. With a terminal, the first two are the same.
#[derive(Debug, Default)]
pub struct ParentEnds {
    /// Writes to its standard input.
    pub stdin: Option<OwnedFd>,
    /// Reads its standard output.
    pub stdout: Option<OwnedFd>,
    /// Reads its standard error.
    pub stderr: Option<OwnedFd>,
    /// Reads its event lines.
    pub events: Option<OwnedFd>,
    /// Writes its actions.
    pub control: Option<OwnedFd>,
}

/// Why a child could not be prepared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum PrepareError {
    /// The spec is not valid.
    #[error("{0}")]
    Spec(#[from] InvalidSpec),
    /// A file for one of its streams could not be opened.
    #[error("could not open {path}: {}", io::Error::from_raw_os_error(*errno))]
    Open {
        /// The file.
        path: String,
        /// The error.
        errno: i32,
    },
    /// A step with a pipe or a descriptor failed.
    #[error("could not {what}: {}", io::Error::from_raw_os_error(*errno))]
    Descriptor {
        /// The step.
        what: String,
        /// The error.
        errno: i32,
    },
}

impl PrepareError {
    /// A step with a pipe or a descriptor failed: `what`, as in "could not make a pipe".
    pub fn descriptor(what: &str, error: &io::Error) -> Self {
        Self::Descriptor { what: what.to_owned(), errno: errno(error) }
    }
}

/// The connections of a stage with the others of its pipeline.
#[derive(Debug, Default)]
pub struct Neighbours {
    /// The reading end of the pipe from the stage before.
    pub input: Option<OwnedFd>,
    /// The writing end of the pipe to the stage after.
    pub output: Option<OwnedFd>,
    /// The group of the first stage.
    pub group: Option<i32>,
}

/// Opens and looks up everything that the child needs.
pub fn prepare(spec: &ChildSpec, neighbours: Neighbours) -> Result<(Prepared, ParentEnds), PrepareError> {
    spec.validate()?;
    let mut ours = ParentEnds::default();
    let mut placements = Placements { taken: spec.keep_fds.clone(), list: Vec::new(), openings: Vec::new() };

    let size = spec.pipe_size;
    let terminal =
        spec.terminal.map(open_terminal).transpose().map_err(|error| PrepareError::descriptor("open a terminal", &error))?;
    let (keyboard, terminal) = terminal.unzip();
    match (neighbours.input, &spec.stdin) {
        (Some(pipe), _) => placements.put(pipe, 0)?,
        (None, Input::Pipe) if terminal.is_some() => {
            ours.stdin = keyboard
                .as_ref()
                .map(OwnedFd::try_clone)
                .transpose()
                .map_err(|error| PrepareError::descriptor("duplicate a descriptor", &error))?;
            terminal.as_ref().map_or(Ok(()), |terminal| placements.put(terminal, 0))?;
        }
        (None, Input::Inherit) => {}
        (None, Input::Null) => placements.put(null()?, 0)?,
        (None, Input::Pipe) => {
            let (reader, writer) = new_pipe(size)?;
            placements.put(reader, 0)?;
            ours.stdin = Some(writer);
        }
        (None, Input::File(path)) => placements.open(path, OFlags::RDONLY, 0)?,
    }
    let output = |to: &OutputTo, number: RawFd, placements: &mut Placements| -> Result<Option<OwnedFd>, PrepareError> {
        match to {
            OutputTo::Inherit => {}
            OutputTo::Null => placements.put(null()?, number)?,
            OutputTo::Pipe if let Some(terminal) = &terminal => placements.put(terminal, number)?,
            OutputTo::Pipe => {
                let (reader, writer) = new_pipe(size)?;
                placements.put(writer, number)?;
                return Ok(Some(reader));
            }
            OutputTo::File(path) => placements.open(path, OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC, number)?,
            OutputTo::Append(path) => placements.open(path, OFlags::WRONLY | OFlags::CREATE | OFlags::APPEND, number)?,
            OutputTo::Stdout => placements.copy(1, number)?,
            OutputTo::Stderr => placements.copy(2, number)?,
        }
        Ok(None)
    };
    // A stream that goes where the other one goes comes second.
    if spec.stdout == OutputTo::Stderr {
        ours.stderr = output(&spec.stderr, 2, &mut placements)?;
    }
    match neighbours.output {
        Some(pipe) => placements.put(pipe, 1)?,
        None => ours.stdout = output(&spec.stdout, 1, &mut placements)?,
    }
    if spec.stdout != OutputTo::Stderr {
        ours.stderr = output(&spec.stderr, 2, &mut placements)?;
    }
    if keyboard.is_some() {
        ours.stdout = keyboard;
    }

    let mut env: BTreeMap<OsString, OsString> = spec.env.iter().cloned().collect();
    if spec.lesson_pipes {
        let named = spec.events_file.as_ref().and_then(|path| Some((path, make_fifo(path).ok()?)));
        let (reader, writer) = match named {
            Some((path, pipe)) => {
                env.insert("TASKLAB_EVENTS_FILE".into(), path.clone());
                pipe
            }
            None => new_pipe(None)?,
        };
        env.insert("TASKLAB_EVENTS".into(), placements.put_free(writer)?.to_string().into());
        ours.events = Some(reader);
        let (reader, writer) = new_pipe(None)?;
        env.insert("TASKLAB_CONTROL".into(), placements.put_free(reader)?.to_string().into());
        ours.control = Some(writer);
    }

    let group = match spec.group {
        Group::Own => Some(neighbours.group.unwrap_or(0)),
        Group::Inherited => None,
        Group::Join(pgid) => Some(pgid.number()),
    };
    let program = spec.executable.as_ref().unwrap_or(&spec.argv[0]);
    let prepared = Prepared {
        candidates: candidates(program, path(spec, &env).as_deref()),
        argv: spec.argv.iter().filter_map(|argument| CString::new(argument.as_bytes()).ok()).collect(),
        env: environment(spec, &env),
        cwd: spec.cwd.as_ref().and_then(|path| CString::new(path.as_bytes()).ok()),
        placements: placements.list,
        keep: spec.keep_fds.clone(),
        group,
        new_session: spec.new_session || terminal.is_some(),
        nice: spec.nice,
        umask: spec.umask,
        death_signal: Some(spec.death_signal.unwrap_or(Signal::KILL)),
        limits: spec.limits.clone(),
        affinity: spec.affinity.clone(),
        terminal,
        cgroup: None,
    };
    let openings = placements.openings;
    let prepared = if openings.is_empty() { prepared } else { open_fifos_first(prepared, openings, program) };
    Ok((prepared, ours))
}

/// A pipe between two stages: the reading end and the writing end.
pub fn new_pipe(size: Option<u32>) -> Result<(OwnedFd, OwnedFd), PrepareError> {
    let (reader, writer) =
        pipe_with(PipeFlags::CLOEXEC).map_err(|error| PrepareError::descriptor("make a pipe", &error.into()))?;
    if let Some(size) = size {
        fcntl_setpipe_size(&reader, size as usize)
            .map_err(|error| PrepareError::descriptor(&format!("give a pipe {size} bytes"), &error.into()))?;
    }
    Ok((reader, writer))
}

struct Placements {
    taken: Vec<RawFd>,
    list: Vec<Placement>,
    /// FIFOs, which the child opens itself.
    openings: Vec<FifoOpening>,
}

impl Placements {
    fn put(&mut self, fd: impl AsFd, number: RawFd) -> Result<(), PrepareError> {
        let lowest = self.taken.iter().copied().max().map_or(LOWEST_DUPLICATE, |taken| LOWEST_DUPLICATE.max(taken + 1));
        let fd = dup_at_least(fd, lowest).map_err(|error| PrepareError::descriptor("duplicate a descriptor", &error))?;
        self.list.push(Placement { fd, number });
        self.taken.push(number);
        Ok(())
    }

    /// Opens a file for that number. A FIFO is left to the child, and /dev/null holds its place.
    fn open(&mut self, path: &OsStr, flags: OFlags, number: RawFd) -> Result<(), PrepareError> {
        match FifoOpening::of(path, flags, number) {
            Some(opening) => {
                self.openings.push(opening);
                self.put(null()?, number)
            }
            None => self.put(open(path, flags)?, number),
        }
    }

    /// Places it under the lowest free number from 3.
    fn put_free(&mut self, fd: impl AsFd) -> Result<RawFd, PrepareError> {
        let number = (3..RawFd::MAX).find(|number| !self.taken.contains(number)).unwrap_or(3);
        self.put(fd, number)?;
        Ok(number)
    }

    /// Makes `number` a duplicate of `from`.
    fn copy(&mut self, from: RawFd, number: RawFd) -> Result<(), PrepareError> {
        if let Some(opening) = self.openings.iter_mut().find(|opening| opening.numbers.contains(&from)) {
            opening.numbers.push(number);
        }
        let source = match self.list.iter().find(|placement| placement.number == from) {
            Some(placement) => rustix::io::fcntl_dupfd_cloexec(&placement.fd, 0),
            None if from == 2 => rustix::io::fcntl_dupfd_cloexec(io::stderr(), 0),
            None => rustix::io::fcntl_dupfd_cloexec(io::stdout(), 0),
        };
        self.put(source.map_err(|error| PrepareError::descriptor("duplicate a descriptor", &error.into()))?, number)
    }
}

/// `/dev/null`, opened once.
fn null() -> Result<&'static OwnedFd, PrepareError> {
    static NULL: OnceLock<OwnedFd> = OnceLock::new();
    if let Some(null) = NULL.get() {
        return Ok(null);
    }
    let null = open_null().map_err(|error| PrepareError::Open { path: "/dev/null".to_owned(), errno: errno(&error) })?;
    Ok(NULL.get_or_init(|| null))
}

fn open(path: &OsStr, flags: OFlags) -> Result<OwnedFd, PrepareError> {
    // Non-blocking while it is opened, so that nothing can hold up the supervisor: a FIFO that was made a moment ago, a serial line.
    let mode = Mode::from_raw_mode(0o666);
    let file = rustix::fs::open(path, flags | OFlags::CLOEXEC | OFlags::NOCTTY | OFlags::NONBLOCK, mode)
        .and_then(|file| rustix::fs::fcntl_setfl(&file, flags & (OFlags::RWMODE | OFlags::APPEND)).map(|()| file));
    file.map_err(|error| PrepareError::Open { path: path.display().to_string(), errno: error.raw_os_error() })
}

fn errno(error: &io::Error) -> i32 {
    error.raw_os_error().unwrap_or_default()
}

/// Whether a Task Lab sets this variable for one child alone.
pub fn is_for_one_child(variable: &OsStr) -> bool {
    OWN_VARIABLES.iter().any(|ours| variable == *ours)
}

/// Our own environment without the variables that are for us alone. It is read once: no supervisor and no body changes it.
fn inherited() -> &'static [(OsString, CString)] {
    static INHERITED: OnceLock<Vec<(OsString, CString)>> = OnceLock::new();
    INHERITED.get_or_init(|| {
        let for_children = std::env::vars_os().filter(|(name, _)| !is_for_one_child(name));
        for_children.filter_map(|(name, value)| Some((name.clone(), assignment(&name, &value)?))).collect()
    })
}

/// The child's environment: its own variables, and, unless the spec clears them, the inherited ones.
fn environment(spec: &ChildSpec, own: &BTreeMap<OsString, OsString>) -> Vec<CString> {
    let inherited = inherited().iter().filter(|(name, _)| !spec.clear_env && !own.contains_key(name));
    let set = own.iter().filter_map(|(name, value)| assignment(name, value));
    inherited.map(|(_, assignment)| assignment.clone()).chain(set).collect()
}

/// The PATH that the child gets.
fn path(spec: &ChildSpec, own: &BTreeMap<OsString, OsString>) -> Option<OsString> {
    let inherited = || std::env::var_os("PATH").filter(|_| !spec.clear_env);
    own.get(OsStr::new("PATH")).cloned().or_else(inherited)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_no_fifo_can_be_made_the_events_pipe_has_no_name() {
        let folder = tempfile::tempdir().expect("a folder");
        let named = |path: OsString| {
            let spec = ChildSpec { lesson_pipes: true, events_file: Some(path), clear_env: true, ..ChildSpec::new(["true"]) };
            let (prepared, ours) = prepare(&spec, Neighbours::default()).expect("prepared");
            assert!(ours.events.is_some() && ours.control.is_some());
            let names = prepared.env.iter().filter_map(|variable| variable.to_bytes().split(|byte| *byte == b'=').next());
            names.map(|name| String::from_utf8_lossy(name).into_owned()).collect::<Vec<_>>()
        };
        let path = folder.path().join("events");
        assert_eq!(named(path.clone().into()), ["TASKLAB_CONTROL", "TASKLAB_EVENTS", "TASKLAB_EVENTS_FILE"]);
        assert_eq!(named(path.into()), ["TASKLAB_CONTROL", "TASKLAB_EVENTS"], "somebody has that name");
        assert_eq!(named("/no/such/folder/events".into()), ["TASKLAB_CONTROL", "TASKLAB_EVENTS"]);
    }
}
