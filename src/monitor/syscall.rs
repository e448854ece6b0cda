//! The line of /proc/PID/syscall. Pure: bytes in, values out, no input can make it panic.

/// The system call that a thread is in, by /proc/PID/syscall.
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

fn number<N: std::str::FromStr>(field: &[u8]) -> Option<N> {
    std::str::from_utf8(field).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

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

    proptest! {
        /// Covers: promise 13, F63.
        #[test]
        fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = parse_syscall(&bytes);
        }
    }
}
