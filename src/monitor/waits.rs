//! The thing that a thread waits for, in words: from the kernel function it sleeps in, or the system call. Pure.
//!
//! The functions' names differ between kernel versions and are mangled by compilers (`.constprop.0`), so they are matched by their
//! beginning; what is not in the table is answered with `None`, and the caller tries the next source.

use super::syscall::Syscall;

/// The words for a lock, and for whatever else the C library makes of a futex.
pub(super) const LOCK: &str = "a lock";
/// The words for a time that has to pass.
pub(super) const TIMER: &str = "a timer";
/// The words for poll(2) and its like.
pub(super) const EVENT: &str = "an event on a descriptor";
/// The words where the kernel keeps it to itself.
pub(super) const HIDDEN: &str = "something that the kernel does not show";

/// Beginnings of kernel function names (leading underscores removed), and what a thread that sleeps there waits for.
const FUNCTIONS: &[(&str, &str)] = &[
    ("futex_", LOCK),
    ("rt_mutex", LOCK),
    ("hrtimer_nanosleep", TIMER),
    ("do_nanosleep", TIMER),
    ("common_nsleep", TIMER),
    ("pipe_read", "a pipe to read"),
    ("anon_pipe_read", "a pipe to read"),
    ("fifo_pipe_read", "a pipe to read"),
    ("pipe_wait_readable", "a pipe to read"),
    ("pipe_write", "room in a pipe"),
    ("anon_pipe_write", "room in a pipe"),
    ("fifo_pipe_write", "room in a pipe"),
    ("pipe_wait_writable", "room in a pipe"),
    ("wait_for_partner", "the other end of a pipe"),
    ("do_wait", "a child"),
    ("kernel_wait4", "a child"),
    ("wait_for_vfork_done", "a child to start its program"),
    ("do_vfork", "a child to start its program"),
    ("poll_schedule_timeout", EVENT),
    ("schedule_hrtimeout_range", EVENT),
    ("do_sys_poll", EVENT),
    ("do_poll", EVENT),
    ("do_select", EVENT),
    ("do_epoll_wait", EVENT),
    ("ep_poll", EVENT),
    ("n_tty_read", "a key on the terminal"),
    ("n_tty_write", "room on the terminal"),
    ("tty_wait_until_sent", "room on the terminal"),
    ("unix_stream_data_wait", "a socket to read"),
    ("unix_stream_read", "a socket to read"),
    ("skb_wait_for_more_packets", "a socket to read"),
    ("skb_recv", "a socket to read"),
    ("sk_wait_data", "a socket to read"),
    ("sock_alloc_send", "room in a socket"),
    ("unix_wait_for_peer", "room in a socket"),
    ("sk_stream_wait_memory", "room in a socket"),
    ("inet_csk_accept", "a connection"),
    ("inet_csk_wait_for_connect", "a connection"),
    ("unix_accept", "a connection"),
    ("do_sigtimedwait", "a signal"),
    ("sigsuspend", "a signal"),
    ("do_pause", "a signal"),
    ("sys_pause", "a signal"),
    ("signalfd", "a signal"),
    ("eventfd", "an event counter"),
    ("timerfd", TIMER),
    ("inotify_read", "a change to a file"),
    ("do_semtimedop", "a semaphore"),
    ("do_msgrcv", "a message"),
    ("do_msgsnd", "room in a message queue"),
    ("wq_sleep", "a message queue"),
    ("locks_lock", "a file lock"),
    ("flock_lock", "a file lock"),
    ("fcntl_setlk", "a file lock"),
    ("do_lock_file_wait", "a file lock"),
    ("io_schedule", "the disk"),
    ("folio_wait", "the disk"),
    ("wait_on_page", "the disk"),
    ("filemap_", "the disk"),
    ("wait_on_buffer", "the disk"),
    ("jbd2_", "the disk"),
    ("rq_qos_wait", "the disk"),
    ("blkdev", "the disk"),
    ("rpc_wait", "a network file system"),
    ("request_wait_answer", "a user-space file system"),
    ("do_signal_stop", "a signal to continue"),
    ("ptrace_stop", "the debugger"),
    ("ptrace_notify", "the debugger"),
    ("do_freezer_trap", "its group to thaw"),
    ("refrigerator", "its group to thaw"),
    ("rwsem_down", "a lock in the kernel"),
];

/// The thing that a thread waits for while it sleeps in this kernel function (/proc/PID/wchan).
pub fn words_for_function(name: &str) -> Option<&'static str> {
    // `__x64_sys_pause`, `__arm64_sys_pause`, `do_sys_poll`, `do_epoll_wait.part.0` …
    let name = name.trim_start_matches('_');
    let name = name.strip_prefix("x64_").or_else(|| name.strip_prefix("arm64_")).unwrap_or(name);
    FUNCTIONS.iter().find(|(start, _)| name.starts_with(start)).map(|(_, words)| *words)
}

/// The thing that a thread waits for that has gone on after a stop (`restart_syscall(2)`), where its kernel function is not in the table.
///
/// Of the calls that go on so, that for a futex and that for descriptors have functions of their own there; but that of nanosleep calls the
/// table's function as its last act, and leaves only the kernel's entry.
pub fn words_for_restart(function: &str) -> &'static str {
    const ENTRIES: [&str; 5] = ["do_syscall_64", "x64_sys_restart", "arm64_sys_restart", "invoke_syscall", "el0_svc"];
    let function = function.trim_start_matches('_');
    if ENTRIES.iter().any(|entry| function.starts_with(entry)) { TIMER } else { "what it waited for before it was stopped" }
}

/// The thing that a thread in a system call waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    /// Known by the call alone.
    For(&'static str),
    /// Data from the descriptor that is the call's first argument.
    ReadsFrom(u64),
    /// Room behind the descriptor that is the call's first argument.
    WritesTo(u64),
}

/// The thing that a thread waits for while it sleeps in this call. The numbers are those of the architecture that this program is built for.
pub fn words_for_call(call: Syscall) -> Option<Call> {
    let words = match call.number {
        libc::SYS_read | libc::SYS_readv | libc::SYS_recvfrom | libc::SYS_recvmsg => {
            return Some(Call::ReadsFrom(call.arguments[0]));
        }
        libc::SYS_write | libc::SYS_writev | libc::SYS_sendto | libc::SYS_sendmsg => {
            return Some(Call::WritesTo(call.arguments[0]));
        }
        libc::SYS_futex => LOCK,
        libc::SYS_nanosleep | libc::SYS_clock_nanosleep => TIMER,
        libc::SYS_wait4 | libc::SYS_waitid => "a child",
        libc::SYS_ppoll | libc::SYS_pselect6 | libc::SYS_epoll_pwait | libc::SYS_epoll_pwait2 => EVENT,
        libc::SYS_rt_sigtimedwait | libc::SYS_rt_sigsuspend => "a signal",
        libc::SYS_accept | libc::SYS_accept4 => "a connection",
        libc::SYS_connect => "an answer to its connection",
        libc::SYS_flock => "a file lock",
        libc::SYS_fsync | libc::SYS_fdatasync | libc::SYS_sync => "the disk",
        // The calls that x86_64 has from older times, and arm64 never had.
        #[cfg(target_arch = "x86_64")]
        libc::SYS_poll | libc::SYS_select | libc::SYS_epoll_wait => EVENT,
        #[cfg(target_arch = "x86_64")]
        libc::SYS_pause => "a signal",
        #[cfg(target_arch = "x86_64")]
        libc::SYS_vfork => "a child to start its program",
        _ => return None,
    };
    Some(Call::For(words))
}

/// The thing that a reader of this descriptor waits for; `target` is what /proc/PID/fd/N points to.
pub fn words_for_reading(target: &[u8]) -> &'static str {
    match target {
        target if target.starts_with(b"pipe:") => "a pipe to read",
        target if target.starts_with(b"socket:") => "a socket to read",
        target if is_terminal(target) => "a key on the terminal",
        b"anon_inode:[eventfd]" => "an event counter",
        b"anon_inode:[timerfd]" => TIMER,
        b"anon_inode:[signalfd]" => "a signal",
        b"anon_inode:inotify" | b"inotify" => "a change to a file",
        _ => "data to read",
    }
}

/// The thing that a writer to this descriptor waits for.
pub fn words_for_writing(target: &[u8]) -> &'static str {
    match target {
        target if target.starts_with(b"pipe:") => "room in a pipe",
        target if target.starts_with(b"socket:") => "room in a socket",
        target if is_terminal(target) => "room on the terminal",
        _ => "room to write",
    }
}

fn is_terminal(target: &[u8]) -> bool {
    [&b"/dev/pts/"[..], b"/dev/tty", b"/dev/console"].iter().any(|start| target.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_several_kernels_and_compilers_give_the_same_words() {
        for (names, words) in [
            (&["futex_wait_queue_me", "futex_wait_queue", "futex_do_wait", "__futex_wait", "futex_lock_pi.isra.0"][..], LOCK),
            (&["hrtimer_nanosleep", "do_nanosleep", "common_nsleep_timens"], TIMER),
            (&["pipe_read", "anon_pipe_read"], "a pipe to read"),
            (&["pipe_write", "anon_pipe_write"], "room in a pipe"),
            (&["do_wait", "__do_wait", "kernel_wait4"], "a child"),
            (
                &["poll_schedule_timeout.constprop.0", "do_sys_poll", "do_select", "ep_poll", "do_epoll_wait.part.0"],
                "an event on a descriptor",
            ),
            (&["__skb_wait_for_more_packets", "unix_stream_read_generic"], "a socket to read"),
            (&["sigsuspend", "__x64_sys_pause", "__arm64_sys_pause"], "a signal"),
        ] {
            for name in names {
                assert_eq!(words_for_function(name), Some(words), "{name}");
            }
        }
    }

    #[test]
    fn a_function_that_many_kinds_of_waiting_share_is_left_to_the_call() {
        for name in ["wait_woken", "schedule_timeout", "0", "", "___"] {
            assert_eq!(words_for_function(name), None, "{name}");
        }
    }

    #[test]
    fn a_sleep_that_goes_on_after_a_stop_is_a_sleep() {
        for name in ["do_syscall_64", "__x64_sys_restart_syscall", "invoke_syscall.constprop.0", "el0_svc"] {
            assert_eq!((words_for_function(name), words_for_restart(name)), (None, TIMER), "{name}");
        }
        assert_eq!(words_for_function("hrtimer_nanosleep_restart"), Some(TIMER));
        assert_eq!(words_for_restart(""), "what it waited for before it was stopped");
    }

    #[test]
    fn reading_is_told_by_what_the_descriptor_is() {
        let call = Syscall { number: libc::SYS_read, arguments: [3, 0, 0, 0, 0, 0], stack: 0 };
        assert_eq!(words_for_call(call), Some(Call::ReadsFrom(3)));
        assert_eq!(words_for_reading(b"pipe:[4711]"), "a pipe to read");
        assert_eq!(words_for_reading(b"/dev/pts/3"), "a key on the terminal");
        assert_eq!(words_for_reading(b"/home/pi/x"), "data to read");
        assert_eq!(words_for_writing(b"socket:[1]"), "room in a socket");
        assert_eq!(words_for_call(Syscall { number: 99_999, ..call }), None);
    }
}
