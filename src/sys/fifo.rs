//! FIFOs. As a child's streams: open(2) of a FIFO waits until another process opens the other end, and only the child itself may wait for
//! that, as in a shell. So the child starts as this program in the role `__open`, opens the FIFOs, and then executes its program.
//! And as a pipe of ours that has a name.

use std::ffi::{CString, OsStr, OsString};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::FileTypeExt;
use std::path::Path;
use std::process::ExitCode;

use rustix::fs::{CWD, FileType, Mode, OFlags, mknodat};
use serde::{Deserialize, Serialize};

use super::exec::{assignment, candidates, exec_first, pointers, set_limits};
use super::signals::default_ignored_signals;
use super::spawn::Prepared;
use crate::model::{ResourceLimit, harmless};

/// The role's name, as `main` knows it.
pub const OPENER: &str = "__open";

/// Makes a pipe with a name that this user alone can open: the reading end, which never waits, and the writing end. Nothing has that name yet.
pub(super) fn make_fifo(path: &OsStr) -> io::Result<(OwnedFd, OwnedFd)> {
    mknodat(CWD, path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0)?;
    // The reading end comes first: without one, opening the other would wait.
    let ends = open_end(path, OFlags::RDONLY | OFlags::NONBLOCK).and_then(|reader| Ok((reader, open_end(path, OFlags::WRONLY)?)));
    if ends.is_err() {
        let _ = std::fs::remove_file(path);
    }
    ends
}

/// Opens one end of a FIFO for us, without waiting. An error if that is the writing end, and nobody has the reading end.
pub fn open_fifo_writer(path: &OsStr) -> io::Result<OwnedFd> {
    open_end(path, OFlags::WRONLY | OFlags::NONBLOCK)
}

fn open_end(path: &OsStr, flags: OFlags) -> io::Result<OwnedFd> {
    Ok(rustix::fs::open(path, flags | OFlags::CLOEXEC | OFlags::NOFOLLOW, Mode::empty())?)
}

/// The argument of the role.
#[derive(Debug, Serialize, Deserialize)]
struct OpenerTask {
    openings: Vec<FifoOpening>,
    /// They are for the program, so they are set once the FIFOs are open.
    limits: Vec<ResourceLimit>,
    program: OsString,
}

/// A FIFO that the child is to open.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct FifoOpening {
    /// The descriptors that it becomes.
    pub(super) numbers: Vec<RawFd>,
    /// The flags of open(2).
    flags: u32,
    path: OsString,
}

impl FifoOpening {
    /// `None`: the path is no FIFO, so that the supervisor can open it.
    pub(super) fn of(path: &OsStr, flags: OFlags, number: RawFd) -> Option<Self> {
        std::fs::metadata(path).ok().filter(|found| found.file_type().is_fifo())?;
        // Absolute, since the child may start in another folder. Without links, since /dev/stdin leads to another file there. A pipe
        // without a name has no such path, and needs none: opening it never waits.
        let path = Path::new(path).canonicalize().ok()?;
        Some(Self { numbers: vec![number], flags: flags.bits(), path: path.into() })
    }
}

/// The same child, which first opens these FIFOs and then executes `program`.
pub(super) fn open_fifos_first(prepared: Prepared, openings: Vec<FifoOpening>, program: &OsStr) -> Prepared {
    let task = OpenerTask { openings, limits: prepared.limits, program: program.into() };
    let task = serde_json::to_vec(&task).unwrap_or_default();
    let own = ["tasklab".into(), OPENER.into(), task].into_iter().filter_map(|word| CString::new(word).ok());
    let argv = own.chain(prepared.argv).collect();
    Prepared { candidates: vec![c"/proc/self/exe".into()], argv, limits: Vec::new(), ..prepared }
}

/// The role: opens the FIFOs and executes the program. Returns only if that fails, with the status that a shell would give.
pub fn open_and_execute(mut args: impl Iterator<Item = OsString>) -> ExitCode {
    let task = args.next().and_then(|word| serde_json::from_slice::<OpenerTask>(word.as_encoded_bytes()).ok());
    let argv: Vec<CString> = args.filter_map(|word| CString::new(word.into_vec()).ok()).collect();
    let (text, status) = match task {
        Some(task) => carry_out(&task, &argv),
        None => ("could not read what to open: this role is Task Lab's own".to_owned(), 125),
    };
    eprintln!("tasklab: {}", harmless(&text));
    ExitCode::from(status)
}

/// Returns a sentence about the step that failed, and the exit status for it.
fn carry_out(OpenerTask { openings, limits, program }: &OpenerTask, argv: &[CString]) -> (String, u8) {
    for FifoOpening { numbers, flags, path } in openings {
        let flags = OFlags::from_bits_retain(*flags) | OFlags::CLOEXEC | OFlags::NOCTTY;
        let opened = rustix::fs::open(path, flags, Mode::from_raw_mode(0o666)).map_err(io::Error::from);
        let placed = opened.and_then(|file| {
            // SAFETY: numbers only. The descriptors that have these numbers are placeholders.
            let is_placed = numbers.iter().all(|number| unsafe { libc::dup2(file.as_raw_fd(), *number) } >= 0);
            if is_placed { Ok(()) } else { Err(io::Error::last_os_error()) }
        });
        if let Err(error) = placed {
            return (format!("could not open {}: {error}", path.display()), 125);
        }
    }
    let path = std::env::var_os("PATH");
    let candidates = candidates(program, path.as_deref());
    let env: Vec<CString> = std::env::vars_os().filter_map(|(name, value)| assignment(&name, &value)).collect();
    default_ignored_signals();
    let what = if set_limits(limits) < 0 {
        "set a resource limit of"
    } else {
        // SAFETY: the lists end with a null pointer, and what they point to lives.
        unsafe { exec_first(&candidates, &pointers(argv), &pointers(&env)) };
        "execute"
    };
    let error = io::Error::last_os_error();
    let status = match error.raw_os_error() {
        _ if what != "execute" => 125,
        Some(libc::ENOENT | libc::ENOTDIR) => 127,
        _ => 126,
    };
    (format!("could not {what} {}: {error}", program.display()), status)
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::os::unix::fs::MetadataExt;

    use super::*;

    #[test]
    fn a_pipe_with_a_name_is_the_users_alone_and_ends_with_its_last_writer() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("pipe");
        let (reader, writer) = make_fifo(path.as_os_str()).expect("made");
        let found = std::fs::symlink_metadata(&path).expect("there");
        assert!(found.file_type().is_fifo() && found.mode() & 0o777 == 0o600, "{:o}", found.mode());
        let (mut reader, mut writer) = (std::fs::File::from(reader), std::fs::File::from(writer));
        let mut other = std::fs::File::from(open_fifo_writer(path.as_os_str()).expect("somebody reads"));
        writer.write_all(b"one ").and_then(|()| other.write_all(b"two")).expect("there is room");
        drop(writer);
        let mut bytes = [0; 10];
        assert_eq!(reader.read(&mut bytes).expect("both"), 7);
        assert_eq!(reader.read(&mut bytes).expect_err("the other may write").kind(), io::ErrorKind::WouldBlock);
        drop(other);
        assert_eq!(reader.read(&mut bytes).expect("the end"), 0);
        assert!(make_fifo(path.as_os_str()).is_err() && path.exists(), "a name that is taken");
        drop(reader);
        assert!(open_fifo_writer(path.as_os_str()).is_err(), "nobody reads, and it does not wait");
    }
}
