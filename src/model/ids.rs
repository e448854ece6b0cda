//! Numbers that the kernel and Task Lab give to processes, threads and runs, each its own type.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! id {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name($inner);

        impl $name {
            /// Wraps a number that the kernel or the engine gave out.
            pub const fn new(number: $inner) -> Self {
                Self(number)
            }

            /// The bare number, for display and for system calls.
            pub const fn number(self) -> $inner {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

id!(
    /// A process id. A name for display and for /proc; signals go by pidfd, since numbers are reused.
    Pid(i32)
);
id!(
    /// A kernel thread id, as `gettid(2)` gives it; the first thread of a process has its PID's number.
    Tid(i32)
);
id!(
    /// A process-group id.
    Pgid(i32)
);
id!(
    /// A session id.
    Sid(i32)
);
id!(
    /// The number of a run within one start of Task Lab, from 1.
    RunId(u32)
);
