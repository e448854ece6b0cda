//! The only `unsafe` code: spawning, waiting, pidfds, descriptor passing, clocks, signal masks, mappings. And the one reader of /proc/PID. Newtypes of the model
//! in, `io::Result` out; no policy.

#![expect(unsafe_code, reason = "this is the room for it")]

mod cgroup;
mod clock;
mod fds;
mod folder;
mod fork;
mod opening;
mod packet;
mod plain;
mod prepare;
mod proc;
mod process;
mod registers;
mod shared;
mod signals;
mod spawn;
mod terminal;
mod wait;

pub use cgroup::{cgroup_of, is_group_for_runs, lacks_controller, own_cgroup, user_manager_cgroup, user_systemd};
pub use clock::monotonic_now;
pub use fds::{adopt_fd, dup_at_least, dup_number, is_open, open_null, queued_bytes, set_nonblocking};
pub use folder::{OwnFolder, remove_left_behind};
pub use fork::{Forked, default_signal, default_what_we_ignore, exit_now, fork};
pub use opening::{OPENER, open_and_execute};
pub use packet::{MAX_PACKET_FDS, PacketSocket};
pub use plain::{
    plain_capture, plain_forks, plain_launches, plain_launches_at_once, plain_locks, plain_round_trips, plain_threads,
};
pub use prepare::{Neighbours, OurEnds, PrepareError, new_pipe, prepare};
pub use proc::{
    Stat, all_pids, available_memory, below, has_pending_signal, ignores_signal, own_thread_stat, parse_stat, signal_mask,
    stat_of, texts, try_stat_of,
};
pub use process::{
    PidFd, SignalScope, advice_on_clone, become_subreaper, continue_when_parent_ends, emulated_on, foreign_proc, has_one_thread,
    kernel_release, process_group, rename_thread, session, start_thread,
};
pub use registers::ReadRegisters;
pub use shared::SharedNumber;
pub use signals::{SignalFd, block_all_signals, forget_inherited_signals, ignore_signal};
pub use spawn::{Placement, Prepared, SpawnError, SpawnStage, Spawned, spawn};
pub use terminal::{open_terminal, other_side};
pub use wait::{Changed, Waited, WhatEnded, wait_any, wait_pid, wait_pidfd};
