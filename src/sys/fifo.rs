//! FIFOs for a child's streams: open(2) waits until somebody opens the other end, which only the child itself may do, as in a shell. So
//! it starts as this program in a role of its own, opens them, and then executes its program.

use std::ffi::{CString, OsStr, OsString};
use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::FileTypeExt;
use std::path::Path;
use std::process::ExitCode;

use rustix::fs::{Mode, OFlags};
use serde::{Deserialize, Serialize};

use super::prepare::{assignment, candidates};
use super::spawn::{exec_first, pointers, set_limits};
use super::{Prepared, default_what_we_ignore};
use crate::model::{ResourceLimit, harmless};

/// The role's name, as `main` knows it.
pub const OPENER: &str = "__open";

/// What it is told.
#[derive(Debug, Serialize, Deserialize)]
struct Orders {
    openings: Vec<Opening>,
    /// They are for the program, and not for us.
    limits: Vec<ResourceLimit>,
    program: OsString,
}

/// A FIFO that the child is to open.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Opening {
    /// The numbers under which it gets it.
    pub(super) numbers: Vec<RawFd>,
    /// How, as open(2) has it.
    flags: u32,
    path: OsString,
}

impl Opening {
    /// What the child has to open, if that is a FIFO.
    pub(super) fn of(path: &OsStr, flags: OFlags, number: RawFd) -> Option<Self> {
        std::fs::metadata(path).ok().filter(|found| found.file_type().is_fifo())?;
        // Absolute, since the child may start in another folder, and without links: what /dev/stdin leads to has another number
        // there. A pipe without a name has no such path, and needs none: it never waits.
        let path = Path::new(path).canonicalize().ok()?;
        Some(Self { numbers: vec![number], flags: flags.bits(), path: path.into() })
    }
}

/// The same child, which opens these first, and then executes `program`.
pub(super) fn opening_first(prepared: Prepared, openings: Vec<Opening>, program: &OsStr) -> Prepared {
    let orders = Orders { openings, limits: prepared.limits, program: program.into() };
    let orders = serde_json::to_vec(&orders).unwrap_or_default();
    let own = ["tasklab".into(), OPENER.into(), orders].into_iter().filter_map(|word| CString::new(word).ok());
    let argv = own.chain(prepared.argv).collect();
    Prepared { candidates: vec![c"/proc/self/exe".into()], argv, limits: Vec::new(), ..prepared }
}

/// The role: opens the FIFOs, and becomes the program. Only a failure returns, with the status that a shell would give.
pub fn open_and_execute(mut args: impl Iterator<Item = OsString>) -> ExitCode {
    let orders = args.next().and_then(|word| serde_json::from_slice::<Orders>(word.as_encoded_bytes()).ok());
    let argv: Vec<CString> = args.filter_map(|word| CString::new(word.into_vec()).ok()).collect();
    let (text, status) = match orders {
        Some(orders) => carry_out(&orders, &argv),
        None => ("could not read what to open: this role is Task Lab's own".to_owned(), 125),
    };
    eprintln!("tasklab: {}", harmless(&text));
    ExitCode::from(status)
}

/// Returns what has failed, and the status for it.
fn carry_out(Orders { openings, limits, program }: &Orders, argv: &[CString]) -> (String, u8) {
    for Opening { numbers, flags, path } in openings {
        let flags = OFlags::from_bits_retain(*flags) | OFlags::CLOEXEC | OFlags::NOCTTY;
        let opened = rustix::fs::open(path, flags, Mode::from_raw_mode(0o666)).map_err(io::Error::from);
        let placed = opened.and_then(|file| {
            // SAFETY: numbers only. What has those numbers keeps the places for this.
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
    // A program would go on ignoring them.
    default_what_we_ignore();
    // SAFETY: only this thread runs; the lists end with a null pointer, and what they point to lives.
    let what = unsafe {
        if set_limits(limits) < 0 {
            "set a resource limit of"
        } else {
            exec_first(&candidates, &pointers(argv), &pointers(&env));
            "execute"
        }
    };
    let error = io::Error::last_os_error();
    let status = match error.raw_os_error() {
        _ if what != "execute" => 125,
        Some(libc::ENOENT | libc::ENOTDIR) => 127,
        _ => 126,
    };
    (format!("could not {what} {}: {error}", program.display()), status)
}
