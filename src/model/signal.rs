//! Signals by their POSIX names.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A signal number, 1 to 64. Standard names are those of signal(7) for x86 and ARM, which agree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Signal(i32);

/// Name and meaning of the standard signals, in the order of their numbers, from 1.
const STANDARD: [(&str, &str); 31] = [
    ("SIGHUP", "the terminal has gone"),
    ("SIGINT", "interrupt, as Ctrl-C sends it"),
    ("SIGQUIT", "quit, with a core dump"),
    ("SIGILL", "illegal instruction"),
    ("SIGTRAP", "trap for a debugger"),
    ("SIGABRT", "the program called abort"),
    ("SIGBUS", "memory that does not exist"),
    ("SIGFPE", "arithmetic error"),
    ("SIGKILL", "kill; cannot be caught, blocked or ignored"),
    ("SIGUSR1", "for the program's own use"),
    ("SIGSEGV", "memory that is not the program's"),
    ("SIGUSR2", "for the program's own use"),
    ("SIGPIPE", "wrote to a pipe that nobody reads"),
    ("SIGALRM", "a timer ran out"),
    ("SIGTERM", "please end"),
    ("SIGSTKFLT", "unused"),
    ("SIGCHLD", "a child changed state"),
    ("SIGCONT", "continue after a stop"),
    ("SIGSTOP", "stop (pause); cannot be caught, blocked or ignored"),
    ("SIGTSTP", "stop (pause), as Ctrl-Z sends it"),
    ("SIGTTIN", "read from the terminal in the background"),
    ("SIGTTOU", "wrote to the terminal in the background"),
    ("SIGURG", "urgent data on a socket"),
    ("SIGXCPU", "CPU time limit passed"),
    ("SIGXFSZ", "file size limit passed"),
    ("SIGVTALRM", "a CPU timer ran out"),
    ("SIGPROF", "a profiling timer ran out"),
    ("SIGWINCH", "the terminal changed its size"),
    ("SIGIO", "input or output is possible"),
    ("SIGPWR", "power failure"),
    ("SIGSYS", "bad system call"),
];

/// `SIGRTMIN` as the C library gives it to programs (it keeps 32 and 33 for itself).
const RT_MIN: i32 = 34;
const MAX: i32 = 64;

impl Signal {
    /// Stop, as Ctrl-Z sends it.
    pub const TSTP: Self = Self(20);
    /// Read from the terminal in the background.
    pub const TTIN: Self = Self(21);
    /// Wrote to the terminal in the background.
    pub const TTOU: Self = Self(22);
    /// The terminal has gone.
    pub const HUP: Self = Self(1);
    /// Interrupt.
    pub const INT: Self = Self(2);
    /// Quit.
    pub const QUIT: Self = Self(3);
    /// Abort.
    pub const ABRT: Self = Self(6);
    /// Memory that does not exist.
    pub const BUS: Self = Self(7);
    /// Memory that is not the program's.
    pub const SEGV: Self = Self(11);
    /// Kill.
    pub const KILL: Self = Self(9);
    /// For the program's own use.
    pub const USR1: Self = Self(10);
    /// A pipe that nobody reads.
    pub const PIPE: Self = Self(13);
    /// Please end.
    pub const TERM: Self = Self(15);
    /// Continue.
    pub const CONT: Self = Self(18);
    /// A child changed its state.
    pub const CHLD: Self = Self(17);
    /// Stop (pause).
    pub const STOP: Self = Self(19);
    /// A file has reached the limit on sizes.
    pub const XFSZ: Self = Self(25);

    /// The signal of that number, if there is one.
    pub fn from_number(number: i32) -> Option<Self> {
        (1..=MAX).contains(&number).then_some(Self(number))
    }

    /// Its number, for system calls and the shell's 128 + n.
    pub const fn number(self) -> i32 {
        self.0
    }

    /// Its meaning, in a few words.
    pub fn meaning(self) -> &'static str {
        usize::try_from(self.0 - 1).ok().and_then(|index| STANDARD.get(index)).map_or("real-time signal", |(_, meaning)| meaning)
    }

    /// The 31 standard signals in the order of their numbers.
    pub fn standard() -> impl Iterator<Item = Self> {
        (1..=31).map(Self)
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            number @ 1..=31 => f.write_str(STANDARD[number as usize - 1].0),
            RT_MIN => f.write_str("SIGRTMIN"),
            number if number > RT_MIN => write!(f, "SIGRTMIN+{}", number - RT_MIN),
            // The C library's own, which have no names.
            number => write!(f, "SIG{number}"),
        }
    }
}

/// Why a text names no signal.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no signal is called {0:?}; use a name such as SIGUSR1 or USR1, or a number from 1 to 64")]
pub struct ParseSignalError(String);

impl FromStr for Signal {
    type Err = ParseSignalError;

    /// Accepts `SIGTERM`, `TERM`, `term`, `15`, `SIG15`, `SIGRTMIN+2`.
    fn from_str(text: &str) -> Result<Self, ParseSignalError> {
        let unknown = || ParseSignalError(text.to_owned());
        let upper = text.to_ascii_uppercase();
        let short = upper.strip_prefix("SIG").unwrap_or(&upper);
        if let Ok(number) = short.parse() {
            return Self::from_number(number).ok_or_else(unknown);
        }
        if let Some(offset) = short.strip_prefix("RTMIN") {
            let offset =
                if offset.is_empty() { 0 } else { offset.strip_prefix('+').and_then(|n| n.parse().ok()).ok_or_else(unknown)? };
            return RT_MIN.checked_add(offset).filter(|number| (RT_MIN..=MAX).contains(number)).map(Self).ok_or_else(unknown);
        }
        let index = STANDARD.iter().position(|(name, _)| &name[3..] == short).ok_or_else(unknown)?;
        Ok(Self(index as i32 + 1))
    }
}

impl Serialize for Signal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Signal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_signal_is_read_back_from_its_name_and_its_number() {
        for number in 1..=MAX {
            let signal = Signal::from_number(number).expect("in range");
            assert_eq!(signal.to_string().parse(), Ok(signal));
            assert_eq!(number.to_string().parse(), Ok(signal));
        }
    }

    #[test]
    fn names_agree_with_the_c_library() {
        for signal in Signal::standard() {
            let theirs = nix::sys::signal::Signal::try_from(signal.number()).expect("a standard signal");
            assert_eq!(theirs.as_str(), signal.to_string());
        }
    }

    #[test]
    fn nonsense_is_refused_by_name() {
        for text in ["", "SIG", "FOO", "0", "65", "-1", "SIGRTMIN+31", "RTMIN-1"] {
            let error = text.parse::<Signal>().expect_err("not a signal");
            assert!(error.to_string().contains(&format!("{text:?}")), "{error}");
        }
    }
}
