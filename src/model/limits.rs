//! The limits of a child: the kernel's resource limits, its cores, its run's share of the machine, the size of its terminal. Each has
//! a form in words.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Names of the resources by their numbers, as in `<asm-generic/resource.h>` (x86 and ARM).
const RESOURCES: [&str; 16] = [
    "cpu",
    "fsize",
    "data",
    "stack",
    "core",
    "rss",
    "nproc",
    "nofile",
    "memlock",
    "as",
    "locks",
    "sigpending",
    "msgqueue",
    "nice",
    "rtprio",
    "rttime",
];

/// A resource that setrlimit(2) limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resource(u8);

impl Resource {
    /// Its number, for the system call.
    pub const fn number(self) -> u8 {
        self.0
    }
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(RESOURCES[usize::from(self.0)])
    }
}

/// Why a text is no limit, size or list of cores.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseLimitError {
    /// No such resource.
    #[error("no resource is called {0:?}; there are: {list}", list = RESOURCES.join(", "))]
    Resource(String),
    /// Not `NAME=SOFT[:HARD]`.
    #[error("{0:?} is not NAME=SOFT[:HARD], such as nofile=64 or core=0:unlimited")]
    Limit(String),
    /// The soft limit may not pass the hard one.
    #[error("the soft limit of {0} is above its hard limit")]
    SoftAboveHard(Resource),
    /// Not an amount.
    #[error("{0:?} is no number of bytes, such as 65536, 64K, 512M or 2G")]
    Bytes(String),
    /// Not a list of cores.
    #[error("{0:?} is no list of cores, such as 0,2-3")]
    Cores(String),
    /// Not a window's size.
    #[error("{0:?} is not COLUMNSxROWS, such as 80x24")]
    Window(String),
}

impl FromStr for Resource {
    type Err = ParseLimitError;

    /// Accepts `nofile`, `NOFILE` and `RLIMIT_NOFILE`.
    fn from_str(text: &str) -> Result<Self, ParseLimitError> {
        let lower = text.to_ascii_lowercase();
        let name = lower.strip_prefix("rlimit_").unwrap_or(&lower);
        let number = RESOURCES.iter().position(|known| *known == name);
        number.map(|number| Self(number as u8)).ok_or_else(|| ParseLimitError::Resource(text.to_owned()))
    }
}

impl Serialize for Resource {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Resource {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// A limit of one resource, in its own unit (bytes, seconds, files, processes); `None` is unlimited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResourceLimit {
    /// The resource.
    pub resource: Resource,
    /// The limit that the kernel enforces; the child may raise it up to the hard limit.
    pub soft: Option<u64>,
    /// The highest soft limit; only root may raise it.
    pub hard: Option<u64>,
}

impl FromStr for ResourceLimit {
    type Err = ParseLimitError;

    /// `NAME=SOFT[:HARD]`; without HARD both are the same, as the shell's ulimit has it.
    fn from_str(text: &str) -> Result<Self, ParseLimitError> {
        let malformed = || ParseLimitError::Limit(text.to_owned());
        let (name, values) = text.split_once('=').ok_or_else(malformed)?;
        let resource: Resource = name.parse()?;
        let value = |word: &str| match word {
            "unlimited" | "infinity" => Ok(None),
            _ => parse_bytes(word).map(Some).map_err(|_| malformed()),
        };
        let (soft, hard) = values.split_once(':').unwrap_or((values, values));
        let limit = Self { resource, soft: value(soft)?, hard: value(hard)? };
        if limit.is_possible() { Ok(limit) } else { Err(ParseLimitError::SoftAboveHard(resource)) }
    }
}

impl ResourceLimit {
    /// Whether the soft limit is within the hard one.
    pub fn is_possible(self) -> bool {
        self.hard.is_none_or(|hard| self.soft.is_some_and(|soft| soft <= hard))
    }
}

/// The limits of all processes of a run together. A control group enforces them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupLimits {
    /// Memory in bytes; beyond it the kernel kills a process as out of memory.
    pub memory: Option<u64>,
    /// CPU in percent of one core; beyond it the processes wait.
    pub cpu_percent: Option<u32>,
}

impl GroupLimits {
    /// Whether there is no limit.
    pub const fn is_empty(self) -> bool {
        self.memory.is_none() && self.cpu_percent.is_none()
    }
}

/// The size of a terminal's window, in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct WindowSize {
    /// Characters in a line.
    pub columns: u16,
    /// Lines.
    pub rows: u16,
}

impl Default for WindowSize {
    fn default() -> Self {
        Self { columns: 80, rows: 24 }
    }
}

impl FromStr for WindowSize {
    type Err = ParseLimitError;

    fn from_str(text: &str) -> Result<Self, ParseLimitError> {
        let size = text.split_once('x').and_then(|(columns, rows)| Some((columns.parse().ok()?, rows.parse().ok()?)));
        let size = size.map(|(columns, rows)| Self { columns, rows }).filter(|size| size.columns > 0 && size.rows > 0);
        size.ok_or_else(|| ParseLimitError::Window(text.to_owned()))
    }
}

/// A number of bytes: `65536`, `64K`, `512M`, `2G`, in powers of 1024.
pub fn parse_bytes(text: &str) -> Result<u64, ParseLimitError> {
    let (digits, factor) = match text.as_bytes().last() {
        Some(b'k' | b'K') => (&text[..text.len() - 1], 1 << 10),
        Some(b'm' | b'M') => (&text[..text.len() - 1], 1 << 20),
        Some(b'g' | b'G') => (&text[..text.len() - 1], 1 << 30),
        _ => (text, 1),
    };
    let number =
        Some(digits).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit())).and_then(|digits| digits.parse().ok());
    number.and_then(|number: u64| number.checked_mul(factor)).ok_or_else(|| ParseLimitError::Bytes(text.to_owned()))
}

/// The highest core that the C library's `cpu_set_t` can name.
pub(super) const LAST_CORE: u16 = 1023;

/// Cores by their numbers: `0,2-3`.
pub fn parse_cores(text: &str) -> Result<Vec<u16>, ParseLimitError> {
    let error = || ParseLimitError::Cores(text.to_owned());
    let mut cores = Vec::new();
    for part in text.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last): (u16, u16) = (first.trim().parse().map_err(|_| error())?, last.trim().parse().map_err(|_| error())?);
        if first > last || last > LAST_CORE {
            return Err(error());
        }
        cores.extend(first..=last);
    }
    cores.sort_unstable();
    cores.dedup();
    Ok(cores)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_read_from_their_words() {
        let read = |text: &str| text.parse::<ResourceLimit>().map(|limit| (limit.resource.to_string(), limit.soft, limit.hard));
        assert_eq!(read("nofile=64"), Ok(("nofile".to_owned(), Some(64), Some(64))));
        assert_eq!(read("RLIMIT_AS=64M:unlimited"), Ok(("as".to_owned(), Some(64 << 20), None)));
        assert_eq!(read("core=unlimited"), Ok(("core".to_owned(), None, None)));
        for text in ["nofile", "nofile=", "nofile=-1", "nofile=1:2:3", "nofile=64:32", "core=unlimited:0", "cpu=1.5", "files=3"] {
            assert!(read(text).is_err(), "{text}");
        }
        assert!(read("files=3").expect_err("unknown").to_string().contains("nofile"), "the known ones are named");
    }

    #[test]
    fn every_resource_is_read_back_from_its_name() {
        for (number, name) in RESOURCES.iter().enumerate() {
            let resource: Resource = name.parse().expect("known");
            assert_eq!((usize::from(resource.number()), resource.to_string()), (number, (*name).to_owned()));
        }
        assert_eq!("nofile".parse::<Resource>().map(Resource::number), Ok(libc::RLIMIT_NOFILE as u8));
        assert_eq!("rttime".parse::<Resource>().map(Resource::number), Ok(libc::RLIMIT_RTTIME as u8));
    }

    #[test]
    fn amounts_cores_and_windows_are_read_or_refused() {
        assert_eq!(parse_bytes("2G"), Ok(2 << 30));
        assert_eq!(parse_cores("3,0-1,1"), Ok(vec![0, 1, 3]));
        assert_eq!("132x43".parse(), Ok(WindowSize { columns: 132, rows: 43 }));
        for text in ["", "G", "-1", "1T", "99999999999G", "+1"] {
            assert!(parse_bytes(text).is_err(), "{text}");
        }
        for text in ["", "a", "3-1", "0,", "1024", "-1"] {
            assert!(parse_cores(text).is_err(), "{text}");
        }
        for text in ["80", "0x24", "80x", "x", "80x24x1"] {
            assert!(text.parse::<WindowSize>().is_err(), "{text}");
        }
    }
}
