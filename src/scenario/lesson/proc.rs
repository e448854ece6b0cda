//! Facts from /proc on a body's own processes and threads: what `sys` parses, and the files that lessons alone look at. Any thread; never
//! waits.

use std::fs;
use std::path::Path;

use crate::model::{Pid, ProcessState, Tid};
pub(crate) use crate::sys::{own_thread_stat, stat_of, texts};

/// How many threads the kernel counts in a process; 0 if it has ended.
pub(crate) fn threads_of(pid: Pid) -> usize {
    stat_of(pid).filter(|stat| stat.state != ProcessState::Zombie).map_or(0, |stat| stat.threads as usize)
}

/// How many threads the kernel counts in this process.
pub(crate) fn own_threads() -> usize {
    fs::read_dir("/proc/self/task").map_or(0, Iterator::count)
}

/// Whether the kernel has this thread of this process.
pub(crate) fn thread_exists(tid: Tid) -> bool {
    Path::new(&format!("/proc/self/task/{tid}")).exists()
}

/// The name of a thread of this process in the kernel, at most 15 bytes.
pub(crate) fn thread_name(tid: Tid) -> String {
    own_thread_stat(tid).map_or_else(String::new, |stat| stat.name())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::own_pid;

    #[test]
    fn this_process_runs_has_a_parent_memory_and_a_program() {
        let pid = own_pid();
        let stat = stat_of(pid).expect("this process");
        assert!(stat.rss > 100_000 && stat.state != ProcessState::Zombie, "{stat:?}");
        assert_eq!(stat_of(Pid::new(i32::MAX)), None);
        assert_eq!(texts(pid, "no"), [""; 0]);
    }

    #[test]
    fn a_thread_is_counted_and_has_its_name_while_it_lives() {
        let (release, held) = std::sync::mpsc::sync_channel::<()>(0);
        let other = std::thread::Builder::new().name("a thread's own name".to_owned());
        let (told, tid) = std::sync::mpsc::sync_channel(1);
        let other = other.spawn(move || {
            told.send(rustix::thread::gettid().as_raw_nonzero().get()).expect("heard");
            held.recv()
        });
        let tid = Tid::new(tid.recv().expect("it runs"));
        assert!(own_threads() >= 2 && threads_of(own_pid()) >= 2 && thread_exists(tid));
        assert_eq!(thread_name(tid), "a thread's own ");
        drop(release);
        other.expect("a thread").join().expect("no panic").expect_err("nothing was sent");
        assert!(!thread_exists(Tid::new(i32::MAX)) && threads_of(Pid::new(i32::MAX)) == 0);
    }
}
