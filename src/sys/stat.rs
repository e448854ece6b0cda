//! The line of /proc/PID/stat. Pure: bytes in, values out, no input can make it panic.

use crate::model::ProcessState;

/// The fields of /proc/PID/stat that Task Lab uses (`proc_pid_stat(5)`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stat<'a> {
    /// Process or thread id.
    pub id: i32,
    /// The name, any bytes but NUL: it may hold `)`, spaces and newlines.
    pub comm: &'a [u8],
    /// State.
    pub state: ProcessState,
    /// Parent.
    pub ppid: i32,
    /// Process group.
    pub pgid: i32,
    /// Session.
    pub sid: i32,
    /// CPU time in user and kernel mode together, in clock ticks; of all threads, ended ones too, for a process.
    pub cpu_ticks: u64,
    /// Threads of the process.
    pub threads: u32,
    /// When it started, in clock ticks since boot.
    pub start_ticks: u64,
    /// Resident memory in pages.
    pub rss_pages: u64,
    /// The core that it last ran on.
    pub core: u16,
}

/// Reads one stat line. `None` for anything that the kernel does not write.
pub fn parse_stat(bytes: &[u8]) -> Option<Stat<'_>> {
    let open = bytes.iter().position(|byte| *byte == b'(')?;
    // The name is the only field with free text, so the last parenthesis ends it, whatever the name holds.
    let close = bytes.iter().rposition(|byte| *byte == b')')?;
    let id = number(bytes.get(..open)?.trim_ascii_end())?;
    let comm = bytes.get(open + 1..close)?;
    let mut fields = bytes.get(close + 1..)?.split(u8::is_ascii_whitespace).filter(|field| !field.is_empty());

    // Fields are numbered from 1 in the manual page; 3 is the first one after the name.
    let state = match *fields.next()? {
        [letter] => ProcessState::from_letter(letter),
        _ => return None,
    };
    let parent = number(fields.next()?)?;
    let group = number(fields.next()?)?;
    let session = number(fields.next()?)?;
    let user: u64 = number(fields.nth(14 - 7)?)?;
    let kernel: u64 = number(fields.next()?)?;
    let threads = number(fields.nth(20 - 16)?)?;
    let start_ticks = number(fields.nth(22 - 21)?)?;
    let rss: i64 = number(fields.nth(24 - 23)?)?;
    let core = number(fields.nth(39 - 25)?)?;
    Some(Stat {
        id,
        comm,
        state,
        ppid: parent,
        pgid: group,
        sid: session,
        cpu_ticks: user.saturating_add(kernel),
        threads,
        start_ticks,
        rss_pages: u64::try_from(rss).unwrap_or(0),
        core,
    })
}

fn number<N: std::str::FromStr>(field: &[u8]) -> Option<N> {
    std::str::from_utf8(field).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn line(id: i32, comm: &[u8], state: char) -> Vec<u8> {
        let mut line = format!("{id} (").into_bytes();
        line.extend_from_slice(comm);
        line.extend_from_slice(
            format!(
                ") {state} 7 8 9 0 -1 4194304 128 0 1 0 30 12 500 600 20 0 3 0 149057 2990080 424 18446744073709551615 1 2 3 \
                 0 0 0 0 6 0 1 0 0 17 5 0 0 0 0 0 1 2 3 4 5 6 7 0\n"
            )
            .as_bytes(),
        );
        line
    }

    /// Covers: promise 13, F63.
    #[test]
    fn a_hostile_name_moves_no_field() {
        for comm in [&b"sleep"[..], b"a) R 1 (\nb", b")", b"(", b"", b") Z 0 0 0", b"\xff\xfe", b"x y\tz"] {
            let bytes = line(4711, comm, 'S');
            let stat = parse_stat(&bytes).expect("the kernel's form");
            assert_eq!(
                stat,
                Stat {
                    id: 4711,
                    comm,
                    state: ProcessState::Sleeping,
                    ppid: 7,
                    pgid: 8,
                    sid: 9,
                    cpu_ticks: 42,
                    threads: 3,
                    start_ticks: 149_057,
                    rss_pages: 424,
                    core: 5,
                }
            );
        }
    }

    #[test]
    fn what_is_cut_off_or_not_a_stat_line_gives_nothing() {
        let whole = line(1, b"init", 'R');
        let last_needed = whole.windows(5).position(|window| window == b" 17 5").expect("core field") + 5;
        for end in 0..last_needed - 1 {
            assert_eq!(parse_stat(&whole[..end]), None, "cut after {end} bytes");
        }
        for bytes in [&b""[..], b")(", b"1 (x) RR 1 1 1", b"x (y) R 1", b"1 (x)", b"()"] {
            assert_eq!(parse_stat(bytes), None);
        }
    }

    proptest! {
        /// Covers: promise 13, F63.
        #[test]
        fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = parse_stat(&bytes);
        }

        #[test]
        fn any_name_is_kept_whole(id in 1..i32::MAX, comm in proptest::collection::vec(1..=255u8, 0..64)) {
            let bytes = line(id, &comm, 'D');
            let stat = parse_stat(&bytes).expect("the kernel's form");
            prop_assert_eq!((stat.id, stat.comm, stat.state, stat.ppid), (id, &comm[..], ProcessState::DiskSleep, 7));
        }
    }
}
