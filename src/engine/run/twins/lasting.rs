//! A folder of Python files that lasts, in the user's cache: Python compiles them once, and not again at each start. It is made whole or
//! not at all, has the name of what it holds, and is trusted only as far as nobody else can have written to it.

use std::ffi::{OsStr, OsString};
use std::fs::{self, DirBuilder, File, Metadata};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rustix::fs::{CWD, RenameFlags, renameat_with};
use sha2::{Digest, Sha256};

use crate::sys::{PrivateFolder, remove_abandoned_folders};

/// The beginning of the folders' names; a hash of 16 hex digits follows.
const PREFIX: &str = "python-";
/// The beginning of the names under which they grow.
const GROWING: &str = "new-python-";
/// A folder that nobody has used for so long is removed.
const KEPT: Duration = Duration::from_hours(30 * 24);

/// Where the user's caches may be, the first choice first. A path with a colon is none, since a colon divides the folders of a PYTHONPATH.
pub(super) fn caches(own: Option<OsString>, home: Option<OsString>) -> Vec<PathBuf> {
    let home = home.map(|home| Path::new(&home).join(".cache"));
    let all = own.map(PathBuf::from).into_iter().chain(home);
    all.filter(|path| path.is_absolute() && !path.as_os_str().as_bytes().contains(&b':')).collect()
}

/// The folder with these files, by their paths in it; made in the first cache that takes it, if it is not there yet. `None`: in none.
pub(super) fn folder(caches: &[PathBuf], files: &[(&str, &str)]) -> Option<PathBuf> {
    let name = name_of(files);
    caches.iter().find_map(|cache| {
        let home = cache.join("tasklab");
        let found = home.join(&name);
        if !is_whole(&found, files) {
            make(cache, &home, &name, files).ok()?;
        }
        // Its time says that somebody uses it. Where that cannot be written, nothing is removed either.
        let _ = File::open(&found).and_then(|folder| folder.set_modified(SystemTime::now()));
        is_whole(&found, files).then_some(found)
    })
}

fn name_of(files: &[(&str, &str)]) -> String {
    let mut hash = Sha256::new();
    for part in files.iter().flat_map(|(path, text)| [path, text]) {
        hash.update(part.len().to_le_bytes());
        hash.update(part);
    }
    hash.finalize().iter().take(8).fold(PREFIX.to_owned(), |name, byte| format!("{name}{byte:02x}"))
}

/// Whether a folder is ours, nobody else can write to it, and its files have their sizes: a cleaner of caches or a loss of power may have
/// taken some.
fn is_whole(folder: &Path, files: &[(&str, &str)]) -> bool {
    let has_size = |found: &Metadata, text: &str| found.is_file() && found.len() == text.len() as u64;
    folder.parent().is_some_and(is_private)
        && is_private(folder)
        && files.iter().all(|(path, text)| fs::symlink_metadata(folder.join(path)).is_ok_and(|found| has_size(&found, text)))
}

fn is_private(folder: &Path) -> bool {
    fs::symlink_metadata(folder).is_ok_and(|found| is_our_folder(&found) && found.mode() & 0o022 == 0)
}

fn is_our_folder(found: &Metadata) -> bool {
    found.is_dir() && found.uid() == rustix::process::geteuid().as_raw()
}

/// Makes the folder under another name first. Another process may do the same at the same time.
fn make(cache: &Path, home: &Path, name: &str, files: &[(&str, &str)]) -> io::Result<()> {
    if !is_for_us(cache) {
        return Err(io::ErrorKind::PermissionDenied.into());
    }
    make_folder(home)?;
    if !is_private(home) {
        return Err(io::ErrorKind::PermissionDenied.into());
    }
    remove_abandoned_folders(home, GROWING);
    let growing = PrivateFolder::make(home, GROWING)?;
    let (ours, place) = (growing.path().join(name), home.join(name));
    for (path, text) in files {
        let path = ours.join(path);
        path.parent().map_or(Ok(()), make_folder)?;
        fs::write(path, text)?;
    }
    remove_unused(home, SystemTime::now());
    match fs::rename(&ours, &place) {
        // What stands there and is ours, but is not whole, goes with the other folder.
        Err(error) if !is_whole(&place, files) => {
            let is_ours = fs::symlink_metadata(&place).is_ok_and(|found| is_our_folder(&found));
            if is_ours { Ok(renameat_with(CWD, &ours, CWD, &place, RenameFlags::EXCHANGE)?) } else { Err(error) }
        }
        _ => Ok(()),
    }
}

/// Whether a cache, or the folder in which it is to be made, belongs to us or to root: root with the HOME of a user leaves nothing there
/// that this user cannot change.
fn is_for_us(cache: &Path) -> bool {
    let me = rustix::process::geteuid().as_raw();
    let there = cache.ancestors().find_map(|folder| fs::metadata(folder).ok());
    there.is_some_and(|found| found.is_dir() && [0, me].contains(&found.uid()))
}

fn make_folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Removes the folders of other versions that nobody has used for long.
fn remove_unused(home: &Path, now: SystemTime) {
    for entry in fs::read_dir(home).into_iter().flatten().flatten() {
        let is_old = |found: &Metadata| found.modified().is_ok_and(|used| now.duration_since(used).is_ok_and(|age| age > KEPT));
        if is_name(&entry.file_name()) && entry.metadata().is_ok_and(|found| is_our_folder(&found) && is_old(&found)) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

fn is_name(name: &OsStr) -> bool {
    let hash = name.as_bytes().strip_prefix(PREFIX.as_bytes());
    hash.is_some_and(|hash| hash.len() == 16 && hash.iter().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f')))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    const FILES: &[(&str, &str)] = &[("first.py", "x = 1\n"), ("package/inner/second.py", "y = 2\n")];

    fn in_cache(cache: &Path) -> Option<PathBuf> {
        folder(&[cache.to_owned()], FILES)
    }

    fn set_mode(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("ours");
    }

    fn names_in(folder: &Path) -> Vec<String> {
        let names = fs::read_dir(folder).expect("there").flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
        let mut names: Vec<_> = names.collect();
        names.sort();
        names
    }

    #[test]
    fn a_folder_is_made_once_whole_and_for_this_user_alone() {
        let base = tempfile::tempdir().expect("a folder");
        let cache = base.path().join("not/yet");
        let made = in_cache(&cache).expect("made");
        assert_eq!(made, cache.join("tasklab").join(name_of(FILES)));
        for (path, text) in FILES {
            assert_eq!(fs::read_to_string(made.join(path)).expect("written"), *text);
        }
        for folder in [&made, &cache.join("tasklab"), &cache] {
            assert_eq!(fs::metadata(folder).expect("there").mode() & 0o777, 0o700, "{}", folder.display());
        }
        assert_eq!(names_in(&cache.join("tasklab")), [name_of(FILES)], "nothing is left of the making");
        // What Python adds stays, and the time says that it is used.
        fs::write(made.join("first.pyc"), "").expect("written");
        let file = fs::metadata(made.join("first.py")).expect("there").ino();
        let long_ago = SystemTime::now() - 2 * KEPT;
        File::open(&made).and_then(|folder| folder.set_modified(long_ago)).expect("ours");
        assert_eq!(in_cache(&cache), Some(made.clone()));
        assert!(made.join("first.pyc").exists() && fs::metadata(made.join("first.py")).expect("there").ino() == file);
        assert!(fs::metadata(&made).and_then(|found| found.modified()).expect("a time") > long_ago + KEPT);
    }

    #[test]
    fn other_files_have_another_name() {
        let name = name_of(FILES);
        assert!(is_name(OsStr::new(&name)), "{name}");
        for others in [
            &[("first.py", "x = 1\n")][..],
            &[("first.py", "x = 1\n"), ("package/inner/second.py", "y = 3\n")],
            &[("first.p", "yx = 1\n")],
        ] {
            assert_ne!(name_of(others), name);
        }
        for other in
            ["python-0123456789abcde", "python-0123456789abcdef0", "python-0123456789abcdeF", "0123456789abcdef", "python-"]
        {
            assert!(!is_name(OsStr::new(other)), "{other}");
        }
    }

    #[test]
    fn one_that_is_not_whole_is_replaced() {
        let cache = tempfile::tempdir().expect("a folder");
        let made = in_cache(cache.path()).expect("made");
        for spoil in [
            |made: &Path| fs::remove_file(made.join("package/inner/second.py")),
            |made: &Path| fs::write(made.join("first.py"), "x = 10\n"),
            |made: &Path| fs::remove_dir_all(made).and_then(|()| fs::create_dir(made)),
            |made: &Path| fs::remove_file(made.join("first.py")).and_then(|()| symlink("/etc/passwd", made.join("first.py"))),
            |made: &Path| fs::set_permissions(made, fs::Permissions::from_mode(0o777)),
        ] {
            fs::write(made.join("spoilt"), "").expect("written");
            spoil(&made).expect("ours");
            assert!(!is_whole(&made, FILES));
            assert_eq!(in_cache(cache.path()), Some(made.clone()));
            assert!(is_whole(&made, FILES) && !made.join("spoilt").exists());
        }
        assert_eq!(names_in(&cache.path().join("tasklab")), [name_of(FILES)]);
    }

    #[test]
    fn what_others_can_write_to_is_no_place() {
        let base = tempfile::tempdir().expect("a folder");
        let (cache, other) = (base.path().join("cache"), base.path().join("other"));
        let (home, place) = (cache.join("tasklab"), cache.join("tasklab").join(name_of(FILES)));
        make_folder(&home).expect("made");
        assert!(in_cache(&other).is_some(), "the control");
        for mode in [0o720, 0o702] {
            set_mode(&home, mode);
            assert_eq!(in_cache(&cache), None, "{mode:o}");
            assert!(names_in(&home).is_empty());
        }
        set_mode(&home, 0o700);
        let others = other.join("tasklab").join(name_of(FILES));
        symlink(&others, &place).expect("made");
        assert_eq!(in_cache(&cache), None, "a link");
        assert!(is_whole(&others, FILES) && names_in(&home).len() == 1, "it is left as it is");
        fs::remove_file(&place).and_then(|()| fs::write(&place, "")).expect("ours");
        assert_eq!(in_cache(&cache), None, "a file");
        fs::remove_dir_all(&home).and_then(|()| symlink(other.join("tasklab"), &home)).expect("ours");
        assert_eq!(in_cache(&cache), None, "a link before it");
    }

    #[test]
    fn a_cache_that_cannot_be_made_is_passed_over() {
        let base = tempfile::tempdir().expect("a folder");
        let file = base.path().join("file");
        fs::write(&file, "").expect("written");
        assert_eq!(folder(&[], FILES), None);
        for cache in [&file, &file.join("below"), Path::new("/proc/no")] {
            assert_eq!(in_cache(cache), None, "{}", cache.display());
        }
        let good = base.path().join("good");
        assert!(folder(&[file, good.clone()], FILES).is_some_and(|made| made.starts_with(good)));
        let of = |own: &str, home: &str| caches(Some(own.into()), Some(home.into()));
        assert_eq!(of("/own", "/home/me"), [Path::new("/own"), Path::new("/home/me/.cache")]);
        assert_eq!(of("relative", "/home/me"), [Path::new("/home/me/.cache")]);
        assert_eq!(of("/a:b", ""), [] as [&Path; 0]);
        assert_eq!(caches(None, None), [] as [&Path; 0]);
    }

    #[test]
    fn only_old_versions_that_nobody_uses_are_removed_when_a_new_one_is_made() {
        let cache = tempfile::tempdir().expect("a folder");
        let home = cache.path().join("tasklab");
        let long_ago = SystemTime::now() - KEPT - Duration::from_mins(1);
        let old = ["python-0123456789abcdef", "python-new", "other", "python-00000000000000file"];
        let (young, file) = ("python-fedcba9876543210", "python-0000000000000000");
        for name in old.iter().chain([&young]) {
            fs::create_dir_all(home.join(name).join("__pycache__")).expect("made");
        }
        fs::write(home.join(file), "").expect("written");
        for name in old.iter().chain([&file]) {
            File::open(home.join(name)).and_then(|found| found.set_modified(long_ago)).expect("ours");
        }
        set_mode(&home, 0o700);
        let made = name_of(FILES);
        assert!(in_cache(cache.path()).is_some());
        let mut left = vec![file, "other", young, &made, "python-new", "python-00000000000000file"];
        left.sort_unstable();
        assert_eq!(names_in(&home), left);
    }

    #[test]
    fn of_many_at_once_all_get_the_same_whole_folder() {
        let cache = tempfile::tempdir().expect("a folder");
        let found: Vec<_> = std::thread::scope(|scope| {
            let makers: Vec<_> = (0..8).map(|_| scope.spawn(|| in_cache(cache.path()))).collect();
            makers.into_iter().map(|maker| maker.join().expect("no panic")).collect()
        });
        let place = cache.path().join("tasklab").join(name_of(FILES));
        assert_eq!(found, vec![Some(place); 8]);
        assert_eq!(names_in(&cache.path().join("tasklab")), [name_of(FILES)]);
    }
}
