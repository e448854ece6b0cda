//! The baseline for `tasklab bench`: launching, forking, threads, a lock and a pipe in loops as plain as C has them. They show the pace
//! of the kernel alone. They run on the caller's thread, and nothing else that Task Lab launches goes this way.

use std::cell::UnsafeCell;
use std::ffi::{CStr, CString};
use std::io::{self, Read};
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};
use std::ptr::{null, null_mut};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::wait::waitpid;
use rustix::pipe::{PipeFlags, fcntl_setpipe_size, pipe_with};

unsafe extern "C" {
    /// The environment of this process (environ(7)).
    static environ: *const *mut libc::c_char;
}

/// Launches this program with no argument, its three streams on `/dev/null`, and waits for it, `count` times, one after the other.
pub fn plain_launches(program: &CStr, count: u64) -> io::Result<Duration> {
    let start = Instant::now();
    for _ in 0..count {
        wait(spawn(&[program], None)?)?;
    }
    Ok(start.elapsed())
}

/// Launches it `count` times at once, then waits for all.
pub fn plain_launches_at_once(program: &CStr, count: u64) -> io::Result<Duration> {
    let start = Instant::now();
    let children: Vec<io::Result<libc::pid_t>> = (0..count).map(|_| spawn(&[program], None)).collect();
    // All that were started are waited for, even if others could not be.
    let waits: Vec<io::Result<()>> = children.into_iter().map(|child| wait(child?)).collect();
    let elapsed = start.elapsed();
    waits.into_iter().collect::<io::Result<()>>()?;
    Ok(elapsed)
}

/// Forks and waits for the child, which exits at once, `count` times.
pub fn plain_forks(count: u64) -> io::Result<Duration> {
    let start = Instant::now();
    for _ in 0..count {
        // SAFETY: the child calls nothing but _exit, which is allowed whatever other threads held.
        match unsafe { libc::fork() } {
            -1 => return Err(io::Error::last_os_error()),
            0 => super::fork::exit_now(0),
            pid => wait(pid)?,
        }
    }
    Ok(start.elapsed())
}

/// Starts a thread that does nothing and joins it, `count` times.
pub fn plain_threads(count: u64) -> io::Result<Duration> {
    extern "C" fn nothing(_: *mut libc::c_void) -> *mut libc::c_void {
        null_mut()
    }
    let start = Instant::now();
    for _ in 0..count {
        let mut thread: libc::pthread_t = 0;
        // SAFETY: the thread touches no memory of ours, and is joined exactly once.
        unsafe {
            as_result(libc::pthread_create(&raw mut thread, null(), nothing, null_mut()))?;
            as_result(libc::pthread_join(thread, null_mut()))?;
        }
    }
    Ok(start.elapsed())
}

/// Locks and unlocks a mutex that no other thread uses, `count` times.
pub fn plain_locks(count: u64) -> io::Result<Duration> {
    let mutex = UnsafeCell::new(libc::PTHREAD_MUTEX_INITIALIZER);
    let start = Instant::now();
    for _ in 0..count {
        // SAFETY: initialised, does not move, and is unlocked by the thread that locked it.
        unsafe {
            as_result(libc::pthread_mutex_lock(mutex.get()))?;
            as_result(libc::pthread_mutex_unlock(mutex.get()))?;
        }
    }
    Ok(start.elapsed())
}

/// Runs a program and reads its output into one small buffer, over and over, keeping nothing: how long that took,
/// and how many bytes came.
pub fn plain_capture(argv: &[&CStr]) -> io::Result<(Duration, u64)> {
    let start = Instant::now();
    let (reader, writer) = pipe_with(PipeFlags::CLOEXEC)?;
    let mut buffer = vec![0_u8; 256 * 1024];
    // If it is refused, the usual 64 KiB do.
    let _ = fcntl_setpipe_size(&reader, buffer.len());
    let child = spawn(argv, Some(&writer))?;
    drop(writer);
    let mut file = std::fs::File::from(reader);
    let mut total = 0;
    let read = loop {
        match file.read(&mut buffer) {
            Ok(0) => break Ok(()),
            Ok(count) => total += count as u64,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => break Err(error),
        }
    };
    drop(file);
    wait(child)?;
    read.map(|()| (start.elapsed(), total))
}

/// Sends a byte to another process, which sends it back, `count` times: how long each takes.
pub fn plain_round_trips(count: u64) -> io::Result<Vec<Duration>> {
    let ((ask, asked), (answer, answered)) = (pipe_with(PipeFlags::CLOEXEC)?, pipe_with(PipeFlags::CLOEXEC)?);
    // SAFETY: the child calls nothing but dup2, close_range, read, write and _exit, which are allowed whatever other threads held.
    let child = match unsafe { libc::fork() } {
        -1 => return Err(io::Error::last_os_error()),
        0 => {
            // SAFETY: both stay open below, under these numbers, and nothing else uses any in this process. The descriptors of other
            // threads must not stay open here: a reader may wait for the end of one of them.
            let (ask, answered) = unsafe {
                libc::dup2(ask.as_raw_fd(), 0);
                libc::dup2(answered.as_raw_fd(), 1);
                libc::syscall(libc::SYS_close_range, 2, libc::c_uint::MAX, 0);
                (BorrowedFd::borrow_raw(0), BorrowedFd::borrow_raw(1))
            };
            let mut byte = [0];
            while rustix::io::read(ask, &mut byte).is_ok_and(|count| count == 1) && rustix::io::write(answered, &byte).is_ok() {}
            super::fork::exit_now(0);
        }
        pid => pid,
    };
    drop((ask, answered));
    let mut took = Vec::new();
    let done = (0..count).try_for_each(|_| {
        let start = Instant::now();
        rustix::io::write(&asked, &[0])?;
        rustix::io::read(&answer, &mut [0])?;
        took.push(start.elapsed());
        Ok(())
    });
    drop(asked);
    wait(child)?;
    done.map(|()| took)
}

fn spawn(argv: &[&CStr], stdout: Option<&OwnedFd>) -> io::Result<libc::pid_t> {
    let owned: Vec<CString> = argv.iter().map(|argument| (*argument).to_owned()).collect();
    let pointers: Vec<*mut libc::c_char> = owned.iter().map(|text| text.as_ptr().cast_mut()).chain([null_mut()]).collect();
    let mut pid = 0;
    let mut actions = std::mem::MaybeUninit::<libc::posix_spawn_file_actions_t>::uninit();
    // SAFETY: the actions are initialised before use and destroyed after; the argument list ends with a null pointer
    // and is read only (posix_spawn(3) takes it as argv does); nobody changes the environment meanwhile, since
    // setting a variable is unsafe and this program does not.
    unsafe {
        as_result(libc::posix_spawn_file_actions_init(actions.as_mut_ptr()))?;
        let mut error = 0;
        for number in 0..3 {
            error = match stdout {
                Some(fd) if number == 1 => libc::posix_spawn_file_actions_adddup2(actions.as_mut_ptr(), fd.as_raw_fd(), number),
                _ => libc::posix_spawn_file_actions_addopen(actions.as_mut_ptr(), number, c"/dev/null".as_ptr(), libc::O_RDWR, 0),
            }
            .max(error);
        }
        if error == 0 {
            error = libc::posix_spawnp(&raw mut pid, pointers[0], actions.as_ptr(), null(), pointers.as_ptr(), environ);
        }
        libc::posix_spawn_file_actions_destroy(actions.as_mut_ptr());
        as_result(error)?;
    }
    Ok(pid)
}

fn wait(pid: libc::pid_t) -> io::Result<()> {
    loop {
        match waitpid(nix::unistd::Pid::from_raw(pid), None) {
            Err(Errno::EINTR) => {}
            result => return Ok(result.map(drop)?),
        }
    }
}

/// `pthread_create`, `posix_spawn` and their like return the error instead of setting errno.
fn as_result(error: libc::c_int) -> io::Result<()> {
    if error == 0 { Ok(()) } else { Err(io::Error::from_raw_os_error(error)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_loop_does_what_it_counts_and_names_what_it_cannot() {
        assert!(plain_launches(c"/bin/true", 2).expect("runs") > Duration::ZERO);
        assert!(plain_launches_at_once(c"/bin/true", 3).expect("runs") > Duration::ZERO);
        assert!(plain_threads(2).expect("runs") > Duration::ZERO);
        assert!(plain_locks(10).is_ok());
        assert_eq!(plain_round_trips(5).expect("runs").len(), 5);
        assert_eq!(plain_capture(&[c"head", c"-c", c"300000", c"/dev/zero"]).expect("runs").1, 300_000);
        let error = plain_launches(c"/no/such/program", 1).expect_err("nothing is there");
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }
}
