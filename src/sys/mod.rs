//! System calls behind types, and the only `unsafe` code: spawning, waiting, pidfds, passing of descriptors, clocks, signal masks,
//! mappings; two calls of OpenGL; and the one parser of /proc/PID/stat, the signals in `status`, `schedstat` and the cores in /proc/stat. It takes the model's
//! types and returns `io::Result`; what to do is decided elsewhere.

#![expect(unsafe_code, reason = "this is the room for it")]

mod cgroup;
mod clock;
mod exec;
mod fds;
mod fifo;
mod folder;
mod fork;
#[cfg(feature = "gui")]
mod gui;
mod packet;
mod plain;
mod poll;
mod prepare;
mod proc;
mod process;
mod registers;
mod shared;
mod signals;
mod spawn;
mod switches;
mod terminal;
mod wait;

pub use cgroup::{cgroup_of, check_group_for_runs, find_busctl, lacks_controller, own_cgroup, user_manager_cgroup};
pub use clock::{monotonic_now, thread_cpu_time};
pub use exec::{executed_file, find_program};
pub use fds::{adopt_fd, dup_at_least, dup_number, is_open, open_null, queued_bytes, set_nonblocking};
pub use fifo::{OPENER, open_and_execute, open_fifo_writer};
pub use folder::{PrivateFolder, remove_abandoned_folders};
pub use fork::{Forked, exit_now, fork};
#[cfg(feature = "gui")]
pub use gui::{fill_scissor, keep_freed_memory, renderer_of};
pub use packet::{MAX_PACKET_FDS, PacketSocket};
pub use plain::{
    plain_capture, plain_forks, plain_launches, plain_launches_at_once, plain_locks, plain_round_trips, plain_threads,
};
pub use poll::{is_readable, poll};
pub use prepare::{Neighbours, ParentEnds, PrepareError, is_for_one_child, new_pipe, prepare};
pub use proc::{
    CoreTimes, SchedStat, Stat, all_pids, available_memory, below, core_times, counts_turns, ignores_signal, is_ignored, link_of,
    parse_stat, schedstat_of, signal_mask, stat_of, texts, thread_schedstat, try_stat_of,
};
pub use process::{
    PidFd, SignalScope, advice_on_clone, become_subreaper, continue_when_parent_ends, emulated_on, foreign_proc, has_one_thread,
    kernel_release, own_pid, parent_pid, process_group, read_memory, rename_thread, session, start_thread,
};
pub use registers::ReadRegisters;
pub use shared::SharedNumber;
pub use signals::{SignalFd, default_ignored_signals, default_signal, ignore_signal, reset_inherited_signals};
pub use spawn::{Placement, Prepared, SpawnError, SpawnStep, Spawned, spawn};
pub use switches::{SwitchRings, SwitchesRefused, parse_record, try_switches};
pub use terminal::{open_terminal, terminal_peer};
pub use wait::{ChildChange, WaitMode, WaitedChild, wait_any_ended, wait_any_stopped_or_continued, wait_pid, wait_pidfd};
