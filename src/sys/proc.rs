//! The one parser of /proc/PID/stat, the signals in `status`, `schedstat` and the cores in /proc/stat; links, lists of texts, and who is
//! below whom. Any thread; nothing here waits, and no input can make it panic. A process chooses its name and may vanish at any time.

use std::collections::HashMap;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use rustix::fs::{Mode, OFlags};

use crate::model::{ExitStatus, Pgid, Pid, ProcessState, Sid, Signal, Tid, harmless};

/// The fields of /proc/PID/stat, or /proc/PID/task/TID/stat, that Task Lab uses (`proc_pid_stat(5)`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stat {
    /// Process or thread id.
    pub id: i32,
    /// The name, any bytes but NUL: it may hold `)`, spaces and newlines.
    pub comm: Vec<u8>,
    /// State.
    pub state: ProcessState,
    /// Parent.
    pub ppid: Pid,
    /// Process group.
    pub pgid: Pgid,
    /// Session.
    pub sid: Sid,
    /// CPU time in user and kernel mode together, in clock ticks; for a process that of all threads, ended ones too.
    pub cpu_ticks: u64,
    /// Niceness, -20 to 19.
    pub nice: i32,
    /// Threads of the process.
    pub threads: u32,
    /// When it started, in clock ticks since boot.
    pub start_ticks: u64,
    /// Resident memory in bytes.
    pub rss: u64,
    /// The core that it last ran on.
    pub core: u16,
    /// How it ended, as wait(2) tells it: of one that lives, or that is not ours to see, 0.
    pub exit_code: i32,
}

impl Stat {
    /// How a process that has ended did so. That of one that is not ours to see looks like `exit(0)`.
    pub fn exit_status(&self) -> ExitStatus {
        let code = self.exit_code;
        if libc::WIFEXITED(code) {
            return ExitStatus::Exited(libc::WEXITSTATUS(code));
        }
        let signal = Signal::from_number(libc::WTERMSIG(code)).filter(|_| libc::WIFSIGNALED(code));
        signal.map_or(ExitStatus::Unknown, |signal| ExitStatus::Signaled { signal, core_dumped: libc::WCOREDUMP(code) })
    }

    /// The name for display: what is not UTF-8 becomes `<U+FFFD>`, and what would act on a terminal is made harmless.
    pub fn name(&self) -> String {
        harmless(&String::from_utf8_lossy(&self.comm))
    }

    /// Whether nothing of the process can run any more. The first thread may have ended before the others: then the kernel calls the
    /// process a zombie, but it is alive.
    pub const fn has_ended(&self) -> bool {
        matches!(self.state, ProcessState::Zombie | ProcessState::Dead) && self.threads <= 1
    }
}

/// Reads one stat line. `None` for anything that the kernel does not write.
pub fn parse_stat(bytes: &[u8]) -> Option<Stat> {
    let open = bytes.iter().position(|byte| *byte == b'(')?;
    // The name is the only field with free text, so the last parenthesis ends it, whatever the name holds.
    let close = bytes.iter().rposition(|byte| *byte == b')')?;
    let id = number(bytes.get(..open)?.trim_ascii_end())?;
    let comm = bytes.get(open + 1..close)?.to_owned();
    let mut fields = bytes.get(close + 1..)?.split(u8::is_ascii_whitespace).filter(|field| !field.is_empty());

    // Fields are numbered from 1 in the manual page; 3 is the first one after the name.
    let state = match *fields.next()? {
        [letter] => ProcessState::from_letter(letter),
        _ => return None,
    };
    let ppid = Pid::new(number(fields.next()?)?);
    let pgid = Pgid::new(number(fields.next()?)?);
    let sid = Sid::new(number(fields.next()?)?);
    let user: u64 = number(fields.nth(14 - 7)?)?;
    let kernel: u64 = number(fields.next()?)?;
    let nice = number(fields.nth(19 - 16)?)?;
    let threads = number(fields.next()?)?;
    let start_ticks = number(fields.nth(22 - 21)?)?;
    let rss: i64 = number(fields.nth(24 - 23)?)?;
    let core = number(fields.nth(39 - 25)?)?;
    // Kernels before 3.5 have no such field.
    let exit_code = fields.nth(52 - 40).and_then(number).unwrap_or(0);
    let cpu_ticks = user.saturating_add(kernel);
    let rss = u64::try_from(rss).unwrap_or(0).saturating_mul(rustix::param::page_size() as u64);
    Some(Stat { id, comm, state, ppid, pgid, sid, cpu_ticks, nice, threads, start_ticks, rss, core, exit_code })
}

/// The stat line of a process. `Ok(None)`: no process has this PID, or it is hidden from us. An error means that we could not look.
pub fn try_stat_of(pid: Pid) -> io::Result<Option<Stat>> {
    match std::fs::read(format!("/proc/{pid}/stat")) {
        // A process that vanishes while it is read leaves half a line.
        Ok(line) => Ok(parse_stat(&line)),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied) => Ok(None),
        Err(error) if error.raw_os_error() == Some(libc::ESRCH) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The stat line of a process, as far as it can be read.
pub fn stat_of(pid: Pid) -> Option<Stat> {
    try_stat_of(pid).ok()?
}

/// The PIDs of all processes that can be seen.
pub fn all_pids() -> io::Result<Vec<Pid>> {
    let mut pids = Vec::new();
    for entry in std::fs::read_dir("/proc")? {
        pids.extend(entry?.file_name().to_str().and_then(|name| name.parse().ok()).map(Pid::new));
    }
    Ok(pids)
}

/// All processes below `root`, without it: parents before children, siblings by age. `key` gives PID, parent and start of a process.
/// /proc is not read at one moment, so the parents may contradict each other, even in circles: each process is visited once.
pub fn below<T>(root: Pid, all: impl IntoIterator<Item = T>, key: impl Fn(&T) -> (Pid, Pid, u64)) -> Vec<T> {
    let mut by_parent: HashMap<Pid, Vec<T>> = HashMap::new();
    for process in all {
        let (pid, ppid, _) = key(&process);
        if pid != root {
            by_parent.entry(ppid).or_default().push(process);
        }
    }
    // Taking each list out of the map ends a circle.
    let mut children_of = |parent| {
        let mut children = by_parent.remove(&parent).unwrap_or_default();
        children.sort_unstable_by_key(|process| {
            let (pid, _, start) = key(process);
            std::cmp::Reverse((start, pid))
        });
        children
    };
    let (mut open, mut order) = (children_of(root), Vec::new());
    while let Some(process) = open.pop() {
        open.extend(children_of(key(&process).0));
        order.push(process);
    }
    order
}

/// The texts in a file of a process that ends each of them with NUL: `cmdline`, `environ`. Other bytes than UTF-8 are replaced; empty texts
/// are left out.
pub fn texts(pid: Pid, file: &str) -> Vec<String> {
    let bytes = std::fs::read(format!("/proc/{pid}/{file}")).unwrap_or_default();
    let texts = bytes.split(|byte| *byte == 0).filter(|text| !text.is_empty());
    texts.map(|text| String::from_utf8_lossy(text).into_owned()).collect()
}

/// Where a link of `/proc/PID` points: `exe`, `cwd`, `fd/1`.
pub fn link_of(pid: Pid, link: &str) -> Option<PathBuf> {
    std::fs::read_link(format!("/proc/{pid}/{link}")).ok()
}

/// Whether this process ignores a signal, in any PID namespace's /proc.
pub fn is_ignored(signal: Signal) -> bool {
    has_in_mask("self", "SigIgn", signal)
}

/// Whether a process ignores a signal.
pub fn ignores_signal(pid: Pid, signal: Signal) -> bool {
    has_in_mask(&pid.to_string(), "SigIgn", signal)
}

fn has_in_mask(process: &str, mask: &str, signal: Signal) -> bool {
    std::fs::read(format!("/proc/{process}/status"))
        .is_ok_and(|status| signal_mask(&status, mask) >> (signal.number() - 1) & 1 == 1)
}

/// A mask of signals in /proc/PID/status, one bit a signal (`proc_pid_status(5)`); 0 where there is none.
pub fn signal_mask(status: &[u8], mask: &str) -> u64 {
    let find = |line: &str| u64::from_str_radix(line.strip_prefix(mask)?.strip_prefix(":\t")?, 16).ok();
    status.split(|byte| *byte == b'\n').find_map(|line| find(std::str::from_utf8(line).ok()?)).unwrap_or_default()
}

/// The times of a thread in the scheduler (proc(5), `/proc/PID/schedstat`). Some kernels do not count them: then the file is missing, or
/// all zeros.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SchedStat {
    /// Time on a core.
    pub ran: Duration,
    /// Time in which it was ready but had no core. Some kernels do not count it, but `ran`: then it and `turns` are 0.
    pub waited: Duration,
    /// How often it was given a core.
    pub turns: u64,
}

/// The times of a process's first thread, or of the calling one.
pub fn schedstat_of(pid: Option<Pid>) -> Option<SchedStat> {
    let task = pid.map_or_else(|| "thread-self".to_owned(), |pid| pid.to_string());
    read_schedstat(&format!("/proc/{task}/schedstat"))
}

/// The times of a thread.
pub fn thread_schedstat(pid: Pid, tid: Tid) -> Option<SchedStat> {
    read_schedstat(&format!("/proc/{pid}/task/{tid}/schedstat"))
}

/// Whether this kernel counts the times and turns of threads.
pub fn counts_turns() -> bool {
    schedstat_of(None).is_some_and(|stat| stat.turns > 0)
}

/// With as few system calls as it takes: it is read a thousand times a second.
fn read_schedstat(path: &str) -> Option<SchedStat> {
    let file = rustix::fs::open(path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()).ok()?;
    // Three numbers of at most 20 digits.
    let mut text = [0_u8; 64];
    let length = rustix::io::read(&file, &mut text).ok()?;
    parse_schedstat(std::str::from_utf8(text.get(..length)?).ok()?)
}

fn parse_schedstat(text: &str) -> Option<SchedStat> {
    let mut words = text.split_ascii_whitespace().map(|word| word.parse().ok());
    let mut next = || words.next().flatten();
    let (ran, waited, turns) = (next()?, next()?, next()?);
    Some(SchedStat { ran: Duration::from_nanos(ran), waited: Duration::from_nanos(waited), turns })
}

/// The times of one core since boot, in clock ticks (`proc_stat(5)`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CoreTimes {
    /// Its number.
    pub number: u32,
    /// User, nice, system, interrupts, soft interrupts, stolen: what was not idle. The guests' time is in the first two.
    pub busy: [u64; 6],
    /// Idle.
    pub idle: u64,
    /// Idle, too, while input or output was awaited. It may go back at any time, and then tells nothing.
    pub waiting: u64,
}

impl CoreTimes {
    /// Time that the host of a virtual machine took from the core.
    pub const fn stolen(&self) -> u64 {
        self.busy[5]
    }
}

/// The lines `cpu0 …` and so on of /proc/stat; those of cores that are switched off are not there.
pub fn core_times(stat: &[u8]) -> Vec<CoreTimes> {
    stat.split(|byte| *byte == b'\n').filter_map(times_in).collect()
}

fn times_in(line: &[u8]) -> Option<CoreTimes> {
    let (number, times) = std::str::from_utf8(line).ok()?.strip_prefix("cpu")?.split_once(' ')?;
    // The sum of all has none.
    let number = number.parse().ok()?;
    let mut times = times.split_ascii_whitespace().map(|time| time.parse().unwrap_or(0));
    let mut next = || times.next().unwrap_or(0);
    let [user, nice, system, idle, waiting, hard, soft, stolen] = std::array::from_fn(|_| next());
    Some(CoreTimes { number, busy: [user, nice, system, hard, soft, stolen], idle, waiting })
}

/// Memory that can be used without swapping, in bytes (`MemAvailable`); `None` where /proc does not say.
pub fn available_memory() -> Option<u64> {
    available_in(&std::fs::read_to_string("/proc/meminfo").ok()?)
}

fn available_in(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kilobytes| kilobytes * 1024)
}

fn number<N: std::str::FromStr>(field: &[u8]) -> Option<N> {
    std::str::from_utf8(field).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::process::own_pid;
    use super::*;

    fn line(id: i32, comm: &[u8], state: char) -> Vec<u8> {
        let mut line = format!("{id} (").into_bytes();
        line.extend_from_slice(comm);
        line.extend_from_slice(
            format!(
                ") {state} 7 8 9 0 -1 4194304 128 0 1 0 30 12 500 600 20 0 3 0 149057 2990080 424 18446744073709551615 1 2 3 \
                 0 0 0 0 6 0 1 0 0 17 5 0 0 0 0 0 1 2 3 4 5 6 7 139\n"
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
                    comm: comm.to_vec(),
                    state: ProcessState::Sleeping,
                    ppid: Pid::new(7),
                    pgid: Pgid::new(8),
                    sid: Sid::new(9),
                    cpu_ticks: 42,
                    nice: 0,
                    threads: 3,
                    start_ticks: 149_057,
                    rss: 424 * rustix::param::page_size() as u64,
                    core: 5,
                    exit_code: 139,
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

    #[test]
    fn a_zombie_says_how_it_ended() {
        let ended = |exit_code: i32| {
            let line = line(1, b"x", 'Z');
            let stat = parse_stat(&line).expect("the kernel's form");
            Stat { exit_code, ..stat }.exit_status()
        };
        assert_eq!([ended(0), ended(3 << 8), ended(255 << 8)], [0, 3, 255].map(ExitStatus::Exited));
        assert_eq!(ended(9), ExitStatus::Signaled { signal: Signal::KILL, core_dumped: false });
        assert_eq!(ended(139), ExitStatus::Signaled { signal: Signal::SEGV, core_dumped: true });
        assert_eq!([ended(-1), ended(0x7f)], [ExitStatus::Unknown; 2]);
    }

    #[test]
    fn control_characters_in_a_name_become_visible() {
        let name = |comm: &[u8]| parse_stat(&line(1, comm, 'S')).expect("the kernel's form").name();
        assert_eq!(name(b"a) R 1 (\nb"), "a) R 1 ( b");
        assert_eq!(name("füß".as_bytes()), "füß");
        assert_eq!(name(b"\x1b[31m\xff"), "^[[31m<U+FFFD>");
    }

    #[test]
    fn a_mask_of_signals_is_read_from_its_line() {
        let status = b"Name:\tcat\nSigBlk:\t0000000000001000\nSigIgn:\t0000000000003000\nSigCgt:\t8000000000000002\n";
        assert_eq!((signal_mask(status, "SigIgn"), signal_mask(status, "SigCgt")), (0x3000, 1 << 63 | 2));
        assert_eq!((signal_mask(status, "ShdPnd"), signal_mask(b"SigIgn:\tx", "SigIgn"), signal_mask(b"", "SigIgn")), (0, 0, 0));
    }

    #[test]
    fn the_schedulers_times_are_three_numbers() {
        let stat = SchedStat { ran: Duration::from_nanos(7_001), waited: Duration::from_nanos(80), turns: 9 };
        assert_eq!(parse_schedstat("7001 80 9\n"), Some(stat));
        assert_eq!([parse_schedstat(""), parse_schedstat("7000 80"), parse_schedstat("7000 x 9")], [None; 3]);
    }

    #[test]
    fn the_times_of_cores_are_read_and_their_sum_is_none() {
        let stat = b"cpu  9 9 9 9 9 9 9 9 0 0\ncpu3 1 2 3 4 5 6 7 8 100 100\nintr 1 0\ncpu12 1\n";
        let [three, twelve] = core_times(stat)[..] else { panic!("two cores") };
        assert_eq!(three, CoreTimes { number: 3, busy: [1, 2, 3, 6, 7, 8], idle: 4, waiting: 5 });
        assert_eq!((three.stolen(), twelve.number, twelve.busy, twelve.idle), (8, 12, [1, 0, 0, 0, 0, 0], 0));
    }

    #[test]
    fn available_memory_is_read_from_its_line() {
        assert_eq!(available_in("MemTotal:  9 kB\nMemFree: 5 kB\nMemAvailable:    2048 kB\n"), Some(2 << 20));
        assert_eq!(available_in("MemTotal: 9 kB\n"), None);
    }

    #[test]
    fn this_process_is_read_and_one_that_is_not_there_is_no_error() {
        let own = own_pid();
        let seen = stat_of(own).expect("this process");
        assert_eq!(seen.ppid.number(), std::os::unix::process::parent_id().cast_signed());
        assert!(!seen.has_ended() && seen.threads >= 1 && all_pids().expect("/proc").contains(&own));
        assert_eq!(texts(own, "cmdline"), std::env::args().collect::<Vec<_>>());
        assert_eq!((link_of(own, "exe"), link_of(own, "no")), (std::env::current_exe().ok(), None));
        assert_eq!(is_ignored(Signal::PIPE), ignores_signal(own, Signal::PIPE));
        assert!(available_memory().is_some_and(|bytes| bytes > 0));
        let nobody = Pid::new(i32::MAX);
        assert!(matches!(try_stat_of(nobody), Ok(None)));
        assert!(texts(nobody, "cmdline").is_empty() && !ignores_signal(nobody, Signal::PIPE));
    }

    #[test]
    fn parents_come_before_children_and_a_circle_ends() {
        let all = [(13, 11, 6), (11, 10, 5), (12, 10, 2), (20, 21, 1), (21, 20, 1), (22, 22, 1), (10, 12, 1)];
        let order = below(Pid::new(10), all, |(pid, ppid, start)| (Pid::new(*pid), Pid::new(*ppid), *start));
        assert_eq!(order.iter().map(|process| process.0).collect::<Vec<_>>(), [12, 11, 13]);
        assert!(below(Pid::new(77), all, |(pid, ppid, start)| (Pid::new(*pid), Pid::new(*ppid), *start)).is_empty());
    }

    proptest! {
        /// Covers: promise 13, F63.
        #[test]
        fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = (parse_stat(&bytes), signal_mask(&bytes, "SigIgn"), core_times(&bytes));
        }

        #[test]
        fn any_name_is_kept_whole(id in 1..i32::MAX, comm in proptest::collection::vec(1..=255u8, 0..64)) {
            let bytes = line(id, &comm, 'D');
            let stat = parse_stat(&bytes).expect("the kernel's form");
            prop_assert_eq!((stat.id, stat.state, stat.ppid), (id, ProcessState::DiskSleep, Pid::new(7)));
            prop_assert!(!stat.name().chars().any(char::is_control));
            prop_assert_eq!(stat.comm, comm);
        }
    }
}
