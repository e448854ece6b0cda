//! Executing a program with the lists that execve(2) takes, and finding it in PATH.

use std::ffi::{CStr, CString, OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};

use crate::model::ResourceLimit;

/// The files that `program` may mean, in order, as execvp(3) looks for them: in the folders of `path`, unless the name has a slash.
pub(super) fn candidates(program: &OsStr, path: Option<&OsStr>) -> Vec<CString> {
    if program.as_bytes().contains(&b'/') {
        return CString::new(program.as_bytes()).into_iter().collect();
    }
    std::env::split_paths(path.unwrap_or(OsStr::new("/usr/local/bin:/usr/bin:/bin")))
        .filter_map(|folder| {
            let folder = if folder.as_os_str().is_empty() { Path::new(".").to_path_buf() } else { folder };
            CString::new(folder.join(program).into_os_string().into_vec()).ok()
        })
        .collect()
}

/// The file that execvp(3) would execute for `program` with this PATH, in the folder `cwd` (ours if there is none).
pub fn executed_file(program: &OsStr, path: Option<&OsStr>, cwd: Option<&OsStr>) -> Option<PathBuf> {
    let files = candidates(program, path).into_iter().map(|file| {
        let file = PathBuf::from(OsString::from_vec(file.into_bytes()));
        cwd.map_or_else(|| file.clone(), |folder| Path::new(folder).join(&file))
    });
    files.into_iter().find(|file| file.is_file() && access(file, Access::EXEC_OK).is_ok())
}

/// The first file of that name in the folders of `path`, in the form of PATH, that may be executed.
pub fn find_program(name: &str, path: Option<&OsStr>) -> Option<PathBuf> {
    let mut files = std::env::split_paths(path?).map(|folder| folder.join(name));
    files.find(|file| file.is_file() && access(file, Access::EXEC_OK).is_ok())
}

/// An entry of an environment; `None` for a text with NUL, which the kernel cannot take.
pub(super) fn assignment(name: &OsStr, value: &OsStr) -> Option<CString> {
    CString::new([name.as_bytes(), b"=", value.as_bytes()].concat()).ok()
}

/// A list as execve(2) takes it.
pub(super) fn pointers(texts: &[CString]) -> Vec<*const libc::c_char> {
    texts.iter().map(|text| text.as_ptr()).chain([std::ptr::null()]).collect()
}

/// Sets resource limits of this process. -1, with errno set: one could not be set. It makes system calls only, so that a child may call
/// it that shares its parent's memory.
pub(super) fn set_limits(limits: &[ResourceLimit]) -> libc::c_int {
    for limit in limits {
        let value = |limit: Option<u64>| limit.unwrap_or(libc::RLIM64_INFINITY);
        let pair = libc::rlimit64 { rlim_cur: value(limit.soft), rlim_max: value(limit.hard) };
        let number = libc::c_int::from(limit.resource.number());
        // SAFETY: the pair is there for the call, and no old one is asked for.
        if unsafe { libc::syscall(libc::SYS_prlimit64, 0, number, &raw const pair, std::ptr::null::<u64>()) } < 0 {
            return -1;
        }
    }
    0
}

/// Executes the first file that can be executed, as execvp(3) does. Returns only if there is none, with errno set: EACCES if a file is
/// there that may not be executed.
///
/// # Safety
/// `argv` and `env` end with a null pointer, and what they point to lives. It makes system calls only, so that a child may call it that
/// shares its parent's memory.
pub(super) unsafe fn exec_first(candidates: &[CString], argv: &[*const libc::c_char], env: &[*const libc::c_char]) {
    let mut denied = false;
    for candidate in candidates {
        let path: &CStr = candidate;
        // SAFETY: NUL-ended texts and null-ended lists.
        unsafe {
            libc::execve(path.as_ptr(), argv.as_ptr(), env.as_ptr());
            match *libc::__errno_location() {
                libc::EACCES => denied = true,
                libc::ENOENT | libc::ENOTDIR => {}
                _ => return,
            }
        }
    }
    // SAFETY: this thread's errno.
    unsafe {
        if denied {
            *libc::__errno_location() = libc::EACCES;
        } else if candidates.is_empty() {
            *libc::__errno_location() = libc::ENOENT;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_program_is_found_in_path_if_it_may_be_executed() {
        let folder = tempfile::tempdir().expect("a folder");
        let (file, path) = (folder.path().join("program"), Some(folder.path().as_os_str()));
        std::fs::write(&file, "").expect("a file");
        assert!(find_program("program", None).is_none() && find_program("program", path).is_none());
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).expect("ours");
        assert_eq!(find_program("program", path), Some(file));
    }
}
