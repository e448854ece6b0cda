//! Readers of what /proc prints for one thread, and names for display. Pure: bytes in, values out, no input can make them panic.

use crate::model::{Signal, harmless};

/// A name for display: what is not UTF-8 becomes `<U+FFFD>`, and what would act on a terminal is made harmless.
pub fn display_name(comm: &[u8]) -> String {
    harmless(&String::from_utf8_lossy(comm))
}

/// What /proc/PID/syscall says of a thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Syscall {
    /// The call's number on this architecture.
    pub number: std::ffi::c_long,
    /// Its first argument: a descriptor, for the calls that matter here.
    pub first_argument: u64,
}

/// Reads the line of /proc/PID/syscall. `None` when the thread runs, or waits outside a call (a page fault).
pub fn parse_syscall(bytes: &[u8]) -> Option<Syscall> {
    let mut fields = bytes.trim_ascii().split(|byte| *byte == b' ');
    let number: std::ffi::c_long = number(fields.next()?)?;
    let argument = std::str::from_utf8(fields.next()?.strip_prefix(b"0x")?).ok()?;
    Some(Syscall { number, first_argument: u64::from_str_radix(argument, 16).ok()? }).filter(|call| call.number >= 0)
}

/// Whether /proc/PID/status says that the process ignores a signal.
pub fn ignores(status: &[u8], signal: Signal) -> bool {
    let mask = status.split(|byte| *byte == b'\n').find_map(|line| line.strip_prefix(b"SigIgn:\t"));
    let mask = mask.and_then(|mask| u64::from_str_radix(std::str::from_utf8(mask).ok()?, 16).ok()).unwrap_or_default();
    mask >> (signal.number() - 1) & 1 == 1
}

fn number<N: std::str::FromStr>(field: &[u8]) -> Option<N> {
    std::str::from_utf8(field).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn control_characters_become_visible() {
        assert_eq!(display_name(b"a) R 1 (\nb"), "a) R 1 ( b");
        assert_eq!(display_name("füß".as_bytes()), "füß");
        assert_eq!(display_name(b"\x1b[31m\xff"), "^[[31m<U+FFFD>");
    }

    #[test]
    fn a_call_is_read_with_its_first_argument() {
        assert_eq!(
            parse_syscall(b"0 0x3 0x7ffd 0x400 0x0 0x0 0x0 0x7ff 0x7fa\n"),
            Some(Syscall { number: 0, first_argument: 3 })
        );
        for bytes in [&b"running\n"[..], b"-1 0x7ffd866ecb38 0x7fa64f193503", b"", b"0", b"0 3"] {
            assert_eq!(parse_syscall(bytes), None);
        }
    }

    #[test]
    fn an_ignored_signal_is_read_from_its_mask() {
        let status = b"Name:\tcat\nSigBlk:\t0000000000001000\nSigIgn:\t0000000000001000\nSigCgt:\t0000000000000002\n";
        assert!(ignores(status, Signal::PIPE) && !ignores(status, Signal::INT) && !ignores(b"SigIgn:\tx", Signal::PIPE));
        let last = Signal::from_number(64).expect("a signal");
        assert!(ignores(b"SigIgn:\t8000000000000000", last) && !ignores(b"", last));
    }

    proptest! {
        /// Covers: promise 13, F63.
        #[test]
        fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = (parse_syscall(&bytes), ignores(&bytes, Signal::PIPE));
            prop_assert!(!display_name(&bytes).chars().any(char::is_control));
        }
    }
}
