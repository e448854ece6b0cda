//! One event of perf's that counts nothing and records switches, births, ends, names and mapped code (`perf_event_open(2)`).

use std::io;
use std::os::fd::{FromRawFd, OwnedFd};

use crate::model::Pid;

/// `struct perf_event_attr` of `<linux/perf_event.h>`, as long as its version 8. An older kernel takes it as well, since what it does
/// not know is zero.
#[repr(C)]
#[derive(Debug, Default)]
struct Attributes {
    kind: u32,
    size: u32,
    config: u64,
    sample_period: u64,
    sample_type: u64,
    read_format: u64,
    flags: u64,
    wakeup_events: u32,
    breakpoint_type: u32,
    configs: [u64; 2],
    branch_sample_type: u64,
    sample_regs_user: u64,
    sample_stack_user: u32,
    clock: i32,
    sample_regs_intr: u64,
    aux_watermark: u32,
    sample_max_stack: u16,
    reserved: u16,
    aux_sample_size: u32,
    aux_action: u32,
    signal_data: u64,
    config3: u64,
}

const SIZE: u32 = 136;
const _: () = assert!(size_of::<Attributes>() == SIZE as usize);
const _: () = assert!(std::mem::offset_of!(Attributes, flags) == 40 && std::mem::offset_of!(Attributes, clock) == 92);
// The flags are a bit field in C, whose first bit is the lowest one on a little-endian machine.
const _: () = assert!(cfg!(target_endian = "little"));

const SOFTWARE: u32 = 1;
/// `PERF_COUNT_SW_DUMMY`: it counts nothing.
const DUMMY: u64 = 9;

/// What stands at the end of each record, in this order: PID and TID, the time, the core.
const SAMPLE_TID: u64 = 1 << 1;
const SAMPLE_TIME: u64 = 1 << 2;
const SAMPLE_CPU: u64 = 1 << 7;

/// All that the process and its threads start later is recorded, too.
const INHERIT: u64 = 1 << 1;
/// An ordinary user must not look into the kernel.
const EXCLUDE_KERNEL: u64 = 1 << 5;
const EXCLUDE_HYPERVISOR: u64 = 1 << 6;
/// Code that is mapped: only a program that is executed and recorded further maps its own.
const MMAP: u64 = 1 << 8;
/// Names.
const COMM: u64 = 1 << 9;
/// Births and ends.
const TASK: u64 = 1 << 13;
const SAMPLE_ID_ALL: u64 = 1 << 18;
/// Names say whether they come from exec.
const COMM_EXEC: u64 = 1 << 24;
const USE_CLOCK: u64 = 1 << 25;
const CONTEXT_SWITCH: u64 = 1 << 26;

const CLOSE_ON_EXEC: libc::c_ulong = 1 << 3;

/// Opens the event for a process on one core.
pub(super) fn open_event(pid: Pid, core: u16) -> io::Result<OwnedFd> {
    let attributes = Attributes {
        kind: SOFTWARE,
        size: SIZE,
        config: DUMMY,
        sample_type: SAMPLE_TID | SAMPLE_TIME | SAMPLE_CPU,
        flags: INHERIT
            | EXCLUDE_KERNEL
            | EXCLUDE_HYPERVISOR
            | MMAP
            | COMM
            | TASK
            | SAMPLE_ID_ALL
            | COMM_EXEC
            | USE_CLOCK
            | CONTEXT_SWITCH,
        clock: libc::CLOCK_MONOTONIC,
        ..Attributes::default()
    };
    let no_group: libc::c_int = -1;
    // SAFETY: the structure is as long as it says, and the kernel only reads it. The result is a new descriptor of ours, or negative.
    unsafe {
        let fd = libc::syscall(
            libc::SYS_perf_event_open,
            &raw const attributes,
            pid.number(),
            libc::c_int::from(core),
            no_group,
            CLOSE_ON_EXEC,
        );
        if fd < 0 { Err(io::Error::last_os_error()) } else { Ok(OwnedFd::from_raw_fd(fd as i32)) }
    }
}
