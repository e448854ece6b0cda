//! Private folders for files that other programs are to read: nobody can guess the name, and no other user can look into it.

use std::fs::{self, File, TryLockError};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nix::unistd::mkdtemp;
use rustix::fs::{Mode, OFlags};

/// A private folder, removed with all that is in it when this is dropped. It is locked as long as this process lives, so that neither
/// [`remove_abandoned_folders`] nor systemd-tmpfiles (tmpfiles.d(5)) removes it before.
#[derive(Debug)]
pub struct PrivateFolder {
    path: PathBuf,
    lock: Option<File>,
}

impl PrivateFolder {
    /// Makes one in `base`, with a name that begins with `prefix`.
    pub fn make(base: &Path, prefix: &str) -> io::Result<Self> {
        let base = std::path::absolute(base)?;
        loop {
            // mkdtemp(3) replaces the six X and makes the folder for this user alone.
            let mut made = Self { path: mkdtemp(&base.join(format!("{prefix}XXXXXX")))?, lock: None };
            let lock = match open(&made.path) {
                Ok(lock) => lock,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            };
            let is_taken = matches!(lock.try_lock(), Err(TryLockError::WouldBlock));
            // Before it was locked, another Task Lab may have taken it for an abandoned one and removed it.
            if !is_taken && made.path.exists() {
                made.lock = Some(lock);
                return Ok(made);
            }
        }
    }

    /// Its path, absolute.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for PrivateFolder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.path);
    }
}

/// Removes this user's folders of that prefix in `base` whose makers were killed: those that nobody has locked.
pub fn remove_abandoned_folders(base: &Path, prefix: &str) {
    let me = rustix::process::geteuid().as_raw();
    for entry in fs::read_dir(base).into_iter().flatten().flatten() {
        if entry.file_name().as_bytes().starts_with(prefix.as_bytes())
            && let Ok(folder) = open(&entry.path())
            && folder.metadata().is_ok_and(|found| found.uid() == me)
            && folder.try_lock().is_ok()
        {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// Opens the folder itself; a symbolic link of that name is refused.
fn open(path: &Path) -> io::Result<File> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(File::from(rustix::fs::open(path, flags, Mode::empty())?))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_folder_is_the_users_alone_has_a_name_of_its_own_and_goes_with_what_is_in_it() {
        let base = tempfile::tempdir().expect("a folder");
        let (first, second) =
            (PrivateFolder::make(base.path(), "own-").expect("made"), PrivateFolder::make(base.path(), "own-").expect("made"));
        assert_ne!(first.path(), second.path());
        let mode = fs::metadata(first.path()).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
        fs::write(first.path().join("file"), "text").expect("written");
        drop(first);
        assert_eq!(fs::read_dir(base.path()).expect("there").count(), 1);
        assert!(PrivateFolder::make(&base.path().join("missing"), "own-").is_err());
    }

    #[test]
    fn only_what_nobody_holds_is_left_behind() {
        let base = tempfile::tempdir().expect("a folder");
        let held = PrivateFolder::make(base.path(), "own-").expect("made");
        let file = |name: &str| base.path().join(name);
        fs::create_dir(file("own-dead")).and_then(|()| fs::write(file("own-dead/file"), "")).expect("made");
        fs::create_dir(file("other")).expect("made");
        fs::write(file("own-file"), "").expect("written");
        std::os::unix::fs::symlink(file("other"), file("own-link")).expect("made");
        remove_abandoned_folders(base.path(), "own-");
        assert!(held.path().exists() && !file("own-dead").exists());
        assert!(["other", "own-file", "own-link"].iter().all(|name| fs::symlink_metadata(file(name)).is_ok()));
    }
}
