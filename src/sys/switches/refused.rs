//! Why there are no switch records, in a sentence, and what would change it.

use std::fmt;
use std::io;

use rustix::io::Errno;

/// The kernel gives no switch records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SwitchesRefused {
    step: Step,
    errno: Option<i32>,
    /// `kernel.perf_event_paranoid`, where it can be read.
    paranoid: Option<i32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Cores,
    Open,
    Map,
}

/// The value from which on the kernels of Debian and Ubuntu give an ordinary user nothing. Linux itself knows no more than 2.
const TOO_PARANOID: i32 = 3;

impl SwitchesRefused {
    pub(super) fn new(step: Step, error: &io::Error) -> Self {
        let setting = std::fs::read_to_string("/proc/sys/kernel/perf_event_paranoid").ok();
        Self { step, errno: error.raw_os_error(), paranoid: setting.and_then(|text| text.trim().parse().ok()) }
    }

    fn errno(&self) -> Errno {
        self.errno.map_or(Errno::IO, Errno::from_raw_os_error)
    }

    /// What would change it: a command, or a condition.
    pub fn remedy(&self) -> String {
        match (self.step, self.errno()) {
            (Step::Cores, _) => "mount -t sysfs sys /sys, and -t proc proc /proc".to_owned(),
            (_, Errno::MFILE | Errno::NFILE) => "ulimit -n 1024 before starting Task Lab".to_owned(),
            (Step::Map, Errno::PERM | Errno::NOMEM | Errno::AGAIN) => {
                "sudo sysctl kernel.perf_event_mlock_kb=2064, or ulimit -l 8192 before starting Task Lab".to_owned()
            }
            (_, Errno::ACCESS | Errno::PERM) if self.paranoid.is_some_and(|level| level >= TOO_PARANOID) => {
                "sudo sysctl kernel.perf_event_paranoid=2".to_owned()
            }
            (_, Errno::ACCESS | Errno::PERM) => {
                "a filter (of a container: --security-opt seccomp=…) that allows perf_event_open".to_owned()
            }
            (_, Errno::NOMEM) => "more free memory".to_owned(),
            _ => "a Linux kernel from 4.17 on that is built with CONFIG_PERF_EVENTS, and no emulator or filter before it"
                .to_owned(),
        }
    }
}

impl fmt::Display for SwitchesRefused {
    /// The reason, to be put behind a colon.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.step, self.errno()) {
            (Step::Cores, _) => return f.write_str("the kernel does not say which cores are online"),
            (_, Errno::MFILE | Errno::NFILE) => f.write_str("too many files are open")?,
            (Step::Map, Errno::PERM | Errno::NOMEM | Errno::AGAIN) => {
                f.write_str("the memory that perf's rings need may not be locked")?;
            }
            (_, Errno::ACCESS | Errno::PERM) => match self.paranoid {
                Some(level) if level >= TOO_PARANOID => {
                    write!(f, "kernel.perf_event_paranoid is {level}, which keeps them from ordinary users")?;
                }
                _ => f.write_str("something forbids perf_event_open: a container's filter, or a security module")?,
            },
            (_, Errno::NOSYS) => {
                f.write_str("there is no perf_event_open: the kernel is built without it, or a filter hides it")?;
            }
            (_, Errno::INVAL | Errno::OPNOTSUPP | Errno::NODEV | Errno::NOENT | Errno::TOOBIG) => {
                f.write_str("this kernel does not know them")?;
            }
            (_, Errno::SRCH) => f.write_str("the process has gone")?,
            (Step::Open, _) => f.write_str("perf_event_open failed")?,
            (Step::Map, _) => f.write_str("perf's ring could not be mapped")?,
        }
        match self.errno {
            Some(number) => write!(f, " ({})", io::Error::from_raw_os_error(number)),
            None => Ok(()),
        }
    }
}

impl std::error::Error for SwitchesRefused {}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(step: Step, errno: Errno, paranoid: Option<i32>) -> SwitchesRefused {
        SwitchesRefused { step, errno: Some(errno.raw_os_error()), paranoid }
    }

    #[test]
    fn each_refusal_is_a_sentence_with_what_would_change_it() {
        for (step, errno, paranoid, says, remedy) in [
            (Step::Open, Errno::ACCESS, Some(3), "paranoid is 3", "sysctl kernel.perf_event_paranoid=2"),
            (Step::Open, Errno::PERM, Some(4), "paranoid is 4", "sysctl kernel.perf_event_paranoid=2"),
            (Step::Open, Errno::ACCESS, Some(2), "a container's filter", "allows perf_event_open"),
            (Step::Open, Errno::PERM, None, "a container's filter", "allows perf_event_open"),
            (Step::Open, Errno::NOSYS, Some(2), "no perf_event_open", "CONFIG_PERF_EVENTS"),
            (Step::Open, Errno::INVAL, Some(2), "does not know them", "from 4.17 on"),
            (Step::Open, Errno::OPNOTSUPP, Some(2), "does not know them", "from 4.17 on"),
            (Step::Open, Errno::NODEV, Some(2), "does not know them", "from 4.17 on"),
            (Step::Open, Errno::MFILE, Some(2), "too many files", "ulimit -n"),
            (Step::Map, Errno::MFILE, Some(2), "too many files", "ulimit -n"),
            (Step::Map, Errno::PERM, Some(2), "may not be locked", "perf_event_mlock_kb"),
            (Step::Map, Errno::NOMEM, Some(3), "may not be locked", "perf_event_mlock_kb"),
            (Step::Open, Errno::NOMEM, Some(2), "failed", "free memory"),
            (Step::Open, Errno::SRCH, Some(2), "has gone", "kernel"),
            (Step::Open, Errno::IO, Some(2), "failed", "kernel"),
            (Step::Map, Errno::IO, Some(2), "mapped", "kernel"),
        ] {
            let refused = refused(step, errno, paranoid);
            let (said, what) = (refused.to_string(), refused.remedy());
            assert!(said.contains(says) && said.contains("os error"), "{said}");
            assert!(what.contains(remedy), "{said}: {what}");
        }
        let blind = SwitchesRefused::new(Step::Cores, &io::ErrorKind::NotFound.into());
        assert!(blind.to_string().contains("cores") && blind.remedy().contains("/sys"));
    }
}
