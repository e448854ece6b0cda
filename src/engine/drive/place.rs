//! Where something is saved: recordings, tables, pictures, settings. A regular file grows as `FILE.partial`, and gets its name once it is
//! whole. Everything else (a device, a FIFO, a descriptor of ours) is written to as it is. On the caller's thread.
//!
//! `tempfile`, which can rename as well, does not do for this: what a killed run has recorded must be found under a name that was told
//! before, and a lock must tell a file that still grows from a leftover of that name.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::os::fd::{AsFd, OwnedFd, RawFd};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags};
use rustix::fs::{FlockOperation, Mode, OFlags, flock};

use crate::sys::{dup_number, poll};

/// Links that lead from one to the next, as the kernel counts them (`path_resolution(7)`).
const MOST_LINKS: usize = 40;
/// How long to wait where the kernel says that there is room and takes nothing all the same.
const PAUSE: Duration = Duration::from_millis(10);

/// The file or descriptor that a path names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A descriptor of this process: `/dev/stdout`, `/dev/fd/3`.
    Descriptor(RawFd),
    /// A name in a folder. No link leads on from it, unless it is one of the kernel's own in `/proc`.
    Name(PathBuf),
}

impl Place {
    /// Follows all links. The file itself need not exist yet.
    pub fn of(path: &Path) -> io::Result<Self> {
        // The kernel decides whether a link may be followed (fs.protected_symlinks, proc_sys_fs(5)).
        fs::metadata(path)
            .map(drop)
            .or_else(|error| if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) })?;
        let own = fs::canonicalize("/proc/self").unwrap_or_default();
        let mut path = path.to_owned();
        for _ in 0..MOST_LINKS {
            let no_name = || io::Error::new(io::ErrorKind::InvalidInput, "it names no file");
            let name = path.file_name().ok_or_else(no_name)?.to_owned();
            let folder = path.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."));
            let folder = fs::canonicalize(folder)?;
            let is_ours = folder.file_name() == Some(OsStr::new("fd")) && folder.starts_with(&own);
            if let Some(number) = name.to_str().and_then(|name| name.parse().ok()).filter(|_| is_ours) {
                return Ok(Self::Descriptor(number));
            }
            let place = folder.join(name);
            match fs::read_link(&place) {
                Ok(target) if !folder.starts_with("/proc") => path = folder.join(target),
                _ => return Ok(Self::Name(place)),
            }
        }
        Err(io::Error::from_raw_os_error(libc::ELOOP))
    }

    /// Whether both mean the same file, by whatever names.
    pub fn is_same(&self, other: &Self) -> bool {
        self == other || self.identity().is_some_and(|identity| other.identity() == Some(identity))
    }

    fn identity(&self) -> Option<(u64, u64)> {
        let metadata = match self {
            Self::Descriptor(number) => fs::metadata(format!("/proc/self/fd/{number}")),
            Self::Name(path) => fs::symlink_metadata(path),
        };
        metadata.ok().map(|metadata| (metadata.dev(), metadata.ino()))
    }

    /// The name under which a file grows that will have this one.
    pub fn partial(&self) -> Option<PathBuf> {
        match self {
            Self::Descriptor(_) => None,
            Self::Name(path) => Some(partial(path)),
        }
    }

    /// Opens it for writing.
    pub fn open(self) -> io::Result<Target> {
        let path = match self {
            Self::Descriptor(number) => return dup_number(number).map(Target::Stream),
            Self::Name(path) => path,
        };
        match fs::symlink_metadata(&path) {
            Ok(metadata) if !metadata.is_file() => {
                let flags = OFlags::WRONLY | OFlags::NOCTTY | OFlags::CLOEXEC;
                Ok(Target::Stream(rustix::fs::open(&path, flags, Mode::empty())?))
            }
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => WholeFile::create(path).map(Target::Whole),
        }
    }
}

fn partial(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".partial");
    name.into()
}

/// The destination of the bytes that are written.
#[derive(Debug)]
pub enum Target {
    /// A regular file, which has its name later.
    Whole(WholeFile),
    /// Anything else.
    Stream(OwnedFd),
}

/// A regular file that grows under another name. If it is dropped before [`finish`](Self::finish), its bytes stay under that name; an empty
/// file is removed.
#[derive(Debug)]
pub struct WholeFile {
    path: PathBuf,
    partial: PathBuf,
    file: File,
    is_finished: bool,
}

impl WholeFile {
    fn create(path: PathBuf) -> io::Result<Self> {
        let partial = partial(&path);
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        loop {
            let file = match rustix::fs::open(&partial, flags, Mode::from_raw_mode(0o666)) {
                Err(rustix::io::Errno::EXIST) => {
                    remove_left(&partial)?;
                    continue;
                }
                file => File::from(file?),
            };
            // Shows others that it is no leftover, where the file system has locks. Before it was locked, another Task Lab may have
            // taken it for one.
            let is_taken = flock(&file, FlockOperation::NonBlockingLockExclusive) == Err(rustix::io::Errno::WOULDBLOCK);
            if !is_taken && is_name_of(&partial, &file) {
                return Ok(Self { path, partial, file, is_finished: false });
            }
        }
    }

    /// Where it grows.
    pub fn partial(&self) -> &Path {
        &self.partial
    }

    /// Gives the whole file its own name, once all of it is on the disk.
    pub fn finish(mut self) -> io::Result<()> {
        self.file.sync_all()?;
        if fs::symlink_metadata(&self.path).is_ok_and(|metadata| !metadata.is_file()) {
            return Err(in_the_way(&self.path, "it is no regular file any more"));
        }
        fs::rename(&self.partial, &self.path)?;
        self.is_finished = true;
        Ok(())
    }

    fn discard(self) {
        let _ = fs::remove_file(&self.partial);
    }
}

impl Write for WholeFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for WholeFile {
    fn drop(&mut self) {
        if !self.is_finished && self.file.metadata().is_ok_and(|metadata| metadata.len() == 0) {
            let _ = fs::remove_file(&self.partial);
        }
    }
}

/// Removes the file that a killed writer has left under the name of a file that grows.
fn remove_left(partial: &Path) -> io::Result<()> {
    if !fs::symlink_metadata(partial)?.is_file() {
        return Err(in_the_way(partial, "it is no regular file; remove it"));
    }
    let flags = OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let left = File::from(rustix::fs::open(partial, flags, Mode::empty())?);
    if flock(&left, FlockOperation::NonBlockingLockExclusive) == Err(rustix::io::Errno::WOULDBLOCK) {
        return Err(in_the_way(partial, "another Task Lab is writing it"));
    }
    // Its writer may have finished it meanwhile, and another one may have begun.
    if is_name_of(partial, &left) { fs::remove_file(partial) } else { Ok(()) }
}

fn is_name_of(path: &Path, file: &File) -> bool {
    let identity = |metadata: fs::Metadata| (metadata.dev(), metadata.ino());
    fs::symlink_metadata(path).map(identity).ok() == file.metadata().map(identity).ok()
}

fn in_the_way(path: &Path, why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::AlreadyExists, format!("{} is in the way: {why}", path.display()))
}

/// Writes all of a file; where that fails, nothing of it is left.
pub fn write_whole(path: &Path, fill: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    match Place::of(path)?.open()? {
        Target::Stream(fd) => {
            let mut out = BufWriter::new(Patient(fd));
            fill(&mut out).and_then(|()| out.flush())
        }
        Target::Whole(mut file) => {
            let mut out = BufWriter::new(&mut file);
            let written = fill(&mut out).and_then(|()| out.flush());
            drop(out);
            match written {
                Ok(()) => file.finish(),
                Err(error) => {
                    file.discard();
                    Err(error)
                }
            }
        }
    }
}

/// Writes to a descriptor that others may have set to refuse instead of wait (`O_NONBLOCK`, which belongs to all who share it): it waits
/// for room then.
#[derive(Debug)]
pub struct Patient<F>(pub F);

impl<F: AsFd> Write for Patient<F> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut has_room = false;
        loop {
            match rustix::io::write(&self.0, bytes) {
                Ok(count) => return Ok(count),
                Err(rustix::io::Errno::INTR) => {}
                Err(rustix::io::Errno::AGAIN) => {
                    // A terminal with room for one byte says that it has room, and takes no newline, which it shows as two.
                    let fds: &mut [PollFd<'_>] = &mut [PollFd::new(&self.0, PollFlags::OUT)];
                    let (fds, limit) = if has_room { (&mut fds[..0], Some(PAUSE)) } else { (fds, None) };
                    has_room = poll(fds, limit).is_ok_and(|ready| ready > 0);
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn save(path: &Path, text: &str) -> io::Result<()> {
        write_whole(path, |file| file.write_all(text.as_bytes()))
    }

    #[test]
    fn every_name_of_a_file_is_the_same_place_and_its_links_stay() {
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name);
        save(&at("a"), "one").expect("written");
        fs::hard_link(at("a"), at("hard")).expect("linked");
        symlink("a", at("soft")).expect("linked");
        symlink(at("soft"), at("softer")).expect("linked");
        symlink("new", at("dangling")).expect("linked");
        fs::create_dir(at("sub")).expect("made");
        let place = |path: &Path| Place::of(path).expect("a place");
        let a = place(&at("a"));
        for other in ["soft", "softer", "hard", "./a", "sub/../a"] {
            assert!(a.is_same(&place(&at(other))), "{other}");
        }
        assert!(!a.is_same(&place(&at("b"))) && !place(&at("b")).is_same(&place(&at("c"))), "the control");
        save(&at("softer"), "two").expect("written");
        save(&at("dangling"), "three").expect("written");
        assert!(at("soft").is_symlink() && at("softer").is_symlink() && at("dangling").is_symlink());
        let read = |name: &str| fs::read_to_string(at(name)).expect("there");
        assert_eq!((read("a"), read("new"), read("hard")), ("two".to_owned(), "three".to_owned(), "one".to_owned()));
        assert!(Place::of(&at("..")).is_err());
        symlink("loop", at("loop")).expect("linked");
        assert!(save(&at("loop"), "").is_err());
    }

    #[test]
    fn a_link_where_the_file_grows_is_not_followed_and_a_leftover_is_replaced() {
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name);
        fs::write(at("precious"), "mine").expect("written");
        for planted in ["precious", "not there yet"] {
            symlink(at(planted), at("a.partial")).expect("linked");
            let error = save(&at("a"), "x").expect_err("refused").to_string();
            assert!(error.contains("a.partial is in the way"), "{error}");
            fs::remove_file(at("a.partial")).expect("removed");
        }
        assert_eq!(fs::read_to_string(at("precious")).expect("there"), "mine");
        assert!(!at("not there yet").exists() && !at("a").exists());
        // A second name of somebody's file is no place to write to either.
        fs::hard_link(at("precious"), at("a.partial")).expect("linked");
        save(&at("a"), "x").expect("a leftover is replaced");
        assert_eq!(fs::read_to_string(at("precious")).expect("there"), "mine");
        let Ok(Target::Whole(first)) = Place::of(&at("b")).and_then(Place::open) else { panic!("a regular file") };
        let error = save(&at("b"), "x").expect_err("two at once").to_string();
        assert!(error.contains("another Task Lab"), "{error}");
        fs::create_dir(at("b")).expect("made");
        let error = first.finish().expect_err("a folder now").to_string();
        assert!(error.contains("no regular file any more"), "{error}");
        assert!(!at("b.partial").exists(), "nothing was written to it");
    }

    #[test]
    fn what_is_no_regular_file_is_written_to_as_it_is() {
        let folder = tempfile::tempdir().expect("a folder");
        let fifo = folder.path().join("fifo");
        rustix::fs::mknodat(rustix::fs::CWD, &fifo, rustix::fs::FileType::Fifo, Mode::from_raw_mode(0o600), 0).expect("made");
        let flags = OFlags::RDONLY | OFlags::NONBLOCK;
        let reader = rustix::fs::open(&fifo, flags, Mode::empty()).expect("opened");
        save(&fifo, "through").expect("written");
        let mut text = [0; 16];
        assert_eq!(rustix::io::read(&reader, &mut text), Ok(7));
        // A descriptor keeps its place in the file, and what stands before it.
        let mut file = tempfile::tempfile().expect("a file");
        file.write_all(b"before ").expect("written");
        let name = format!("/dev/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&file));
        save(Path::new(&name), "after").expect("written");
        let whole = fs::read_to_string(name).expect("read");
        assert_eq!(whole, "before after");
        assert_eq!(Place::of(Path::new("/dev/stdout")).expect("a place"), Place::Descriptor(1));
        assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 1, "nothing else was made");
    }

    #[test]
    fn a_full_pipe_that_refuses_is_waited_for() {
        let (reader, writer) = rustix::pipe::pipe().expect("a pipe");
        crate::sys::set_nonblocking(&writer).expect("ours");
        let writing = std::thread::Builder::new().name("writer".to_owned());
        let writing = writing.spawn(move || Patient(writer).write_all(&vec![b'x'; 1 << 20])).expect("a thread");
        let mut all = Vec::new();
        io::Read::read_to_end(&mut File::from(reader), &mut all).expect("read");
        writing.join().expect("no panic").expect("all was taken");
        assert_eq!(all.len(), 1 << 20);
    }
}
