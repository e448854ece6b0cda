//! The line of /proc/PID/syscall. Pure: bytes in, values out, no input can make it panic.

/// The system call that a thread is in, by /proc/PID/syscall.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Syscall {
    /// The call's number on this architecture.
    pub number: std::ffi::c_long,
    /// Its arguments, as the registers hold them: of a narrower one the upper bits may be anything.
    pub arguments: [u64; 6],
    /// The thread's stack pointer.
    pub stack: u64,
}

/// Reads the line of /proc/PID/syscall. `None` when the thread runs, or waits outside a call (a page fault).
pub fn parse_syscall(bytes: &[u8]) -> Option<Syscall> {
    let mut fields = bytes.trim_ascii().split(|byte| *byte == b' ');
    let number: std::ffi::c_long = std::str::from_utf8(fields.next()?).ok()?.parse().ok()?;
    let mut registers = fields.map_while(|field| {
        let digits = std::str::from_utf8(field.strip_prefix(b"0x")?).ok()?;
        u64::from_str_radix(digits, 16).ok()
    });
    let mut arguments = [0; 6];
    for argument in &mut arguments {
        *argument = registers.next()?;
    }
    Some(Syscall { number, arguments, stack: registers.next()? }).filter(|call| call.number >= 0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_call_is_read_with_its_arguments() {
        assert_eq!(
            parse_syscall(b"0 0x3 0x7ffd 0x400 0x0 0x0 0x0 0x7ff 0x7fa\n"),
            Some(Syscall { number: 0, arguments: [3, 0x7ffd, 0x400, 0, 0, 0], stack: 0x7ff })
        );
        for bytes in [&b"running\n"[..], b"-1 0x7ffd866ecb38 0x7fa64f193503", b"", b"0", b"0 3", b"0 0x3 0x1 0x2 0x3 0x4 0x5"] {
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
