//! One record of perf's ring as one of ours. Pure; no bytes can make it panic.

use crate::model::{Monotonic, Pid, Scheduled, SchedulerRecord, Tid};

// `enum perf_event_type` of `<linux/perf_event.h>`.
const MMAP: u32 = 1;
const LOST: u32 = 2;
const COMM: u32 = 3;
const EXIT: u32 = 4;
const FORK: u32 = 7;
const SWITCH: u32 = 14;
const SWITCH_CPU_WIDE: u32 = 15;

// Bits of `misc`.
const SWITCH_OUT: u16 = 1 << 13;
const SWITCH_OUT_PREEMPT: u16 = 1 << 14;
const COMM_EXEC: u16 = 1 << 13;

/// Type, misc and size.
pub(super) const HEADER: usize = 8;
/// PID, TID, time and core at the end of each record (`sample_id_all`).
const TRAILER: usize = 24;

/// Reads a record, as the kernel writes it for the event of [`SwitchRings`](super::SwitchRings). `since` is the time of the record
/// before it on the same core. `None` for other kinds of records, for the idle thread, and for anything that the kernel does not write.
pub fn parse_record(bytes: &[u8], since: Monotonic) -> Option<SchedulerRecord> {
    let kind = u32_at(bytes, 0)?;
    let misc = u16::from_ne_bytes(bytes.get(4..6)?.try_into().ok()?);
    let end = bytes.len().checked_sub(TRAILER)?;
    let body = bytes.get(HEADER..end)?;
    let (mut pid, mut tid) = ids_at(bytes, end)?;
    let t = Monotonic::from_nanos(u64_at(bytes, end + 8)?);
    let core = u16::try_from(u32_at(bytes, end + 16)?).ok()?;
    let what = match kind {
        SWITCH | SWITCH_CPU_WIDE if misc & SWITCH_OUT == 0 => Scheduled::In,
        SWITCH | SWITCH_CPU_WIDE if misc & SWITCH_OUT_PREEMPT != 0 => Scheduled::Preempted,
        SWITCH | SWITCH_CPU_WIDE => Scheduled::Blocked,
        MMAP => Scheduled::Mapped,
        FORK | EXIT => {
            let other = (Pid::new(i32_at(body, 4)?), Tid::new(i32_at(body, 12)?));
            (pid, tid) = (Pid::new(i32_at(body, 0)?), Tid::new(i32_at(body, 8)?));
            if kind == EXIT { Scheduled::Ended } else { Scheduled::Began { parent: other.0, by: other.1 } }
        }
        COMM => {
            (pid, tid) = ids_at(body, 0)?;
            let name = body.get(8..)?.split(|byte| *byte == 0).next().unwrap_or_default();
            Scheduled::Named { name: String::from_utf8_lossy(name).into(), is_exec: misc & COMM_EXEC != 0 }
        }
        LOST => {
            (pid, tid) = (Pid::new(0), Tid::new(0));
            Scheduled::Lost { since, count: u64_at(body, 8)? }
        }
        _ => return None,
    };
    // The idle thread has 0; what is not in our PID namespace, 0 or -1.
    let is_somebody = pid.number() > 0 && tid.number() > 0;
    (is_somebody || kind == LOST).then_some(SchedulerRecord { t, pid, tid, core, what })
}

fn ids_at(bytes: &[u8], at: usize) -> Option<(Pid, Tid)> {
    Some((Pid::new(i32_at(bytes, at)?), Tid::new(i32_at(bytes, at + 4)?)))
}

fn i32_at(bytes: &[u8], at: usize) -> Option<i32> {
    u32_at(bytes, at).map(u32::cast_signed)
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_ne_bytes(bytes.get(at..at + 8)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SINCE: Monotonic = Monotonic::from_nanos(5);

    /// A record as the kernel writes it: thread 12 of process 10 on core 3, at 7000 ns.
    fn record(kind: u32, misc: u16, body: &[u8]) -> Vec<u8> {
        let mut bytes = kind.to_ne_bytes().to_vec();
        bytes.extend(misc.to_ne_bytes());
        bytes.extend(((HEADER + body.len() + TRAILER) as u16).to_ne_bytes());
        bytes.extend(body);
        for number in [10_u32, 12] {
            bytes.extend(number.to_ne_bytes());
        }
        bytes.extend(7000_u64.to_ne_bytes());
        for number in [3_u32, 0] {
            bytes.extend(number.to_ne_bytes());
        }
        bytes
    }

    fn words(words: &[u32]) -> Vec<u8> {
        words.iter().flat_map(|word| word.to_ne_bytes()).collect()
    }

    fn read(kind: u32, misc: u16, body: &[u8]) -> Option<(i32, i32, Scheduled)> {
        let read = parse_record(&record(kind, misc, body), SINCE)?;
        assert_eq!((read.t, read.core), (Monotonic::from_nanos(7000), 3));
        Some((read.pid.number(), read.tid.number(), read.what))
    }

    #[test]
    fn each_kind_of_record_is_read() {
        for (kind, body) in [(SWITCH, &[][..]), (SWITCH_CPU_WIDE, &[0; 8])] {
            assert_eq!(read(kind, 0, body), Some((10, 12, Scheduled::In)));
            assert_eq!(read(kind, SWITCH_OUT, body), Some((10, 12, Scheduled::Blocked)));
            assert_eq!(read(kind, SWITCH_OUT | SWITCH_OUT_PREEMPT, body), Some((10, 12, Scheduled::Preempted)));
        }
        let ids = words(&[20, 10, 21, 12, 0, 0]);
        let began = Scheduled::Began { parent: Pid::new(10), by: Tid::new(12) };
        assert_eq!((read(FORK, 0, &ids), read(EXIT, 0, &ids)), (Some((20, 21, began)), Some((20, 21, Scheduled::Ended))));
        let named = |name: &str, is_exec| Some((20, 21, Scheduled::Named { name: name.into(), is_exec }));
        let comm = |name: &[u8]| [&words(&[20, 21])[..], name].concat();
        assert_eq!(read(COMM, 0, &comm(b"make\0\0\0\0")), named("make", false));
        assert_eq!(read(COMM, COMM_EXEC, &comm(b"g\xff+\0\0\0\0\0")), named("g\u{fffd}+", true));
        assert_eq!(read(COMM, 0, &comm(b"")), named("", false));
        assert_eq!(read(MMAP, 0, &[0; 48]), Some((10, 12, Scheduled::Mapped)));
        assert_eq!(read(LOST, 0, &words(&[1, 0, 99, 0])), Some((0, 0, Scheduled::Lost { since: SINCE, count: 99 })));
    }

    #[test]
    fn nobody_and_what_is_cut_off_or_unknown_give_nothing() {
        for (kind, body) in [(9, &[0; 32][..]), (FORK, &words(&[0, 10, 21, 12, 0, 0])), (COMM, &words(&[u32::MAX, u32::MAX]))] {
            assert_eq!(read(kind, 0, body), None, "{kind}");
        }
        for (kind, body) in [(FORK, 8), (EXIT, 8), (COMM, 4), (LOST, 8)] {
            assert_eq!(read(kind, 0, &vec![1; body]), None, "{kind}");
        }
        let whole = record(SWITCH, 0, &[]);
        assert!((0..whole.len()).all(|end| parse_record(&whole[..end], SINCE).is_none()));
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..120)) {
            let _ = parse_record(&bytes, SINCE);
        }

        #[test]
        fn any_record_of_a_known_kind_is_survived(kind in 0_u32..24, misc: u16, body in prop::collection::vec(any::<u8>(), 0..64)) {
            let whole = record(kind, misc, &body);
            for end in 0..=whole.len() {
                let _ = parse_record(&whole[..end], SINCE);
            }
        }
    }
}
