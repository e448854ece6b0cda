//! Switch records: what the kernel's scheduler did with each thread below one process, read from perf's rings without root
//! (`perf_event_open(2)`). On the thread that owns the rings; nothing here waits.

mod event;
mod records;
mod refused;
mod ring;
mod rings;

pub use records::parse_record;
pub use refused::SwitchesRefused;
pub use rings::{SwitchRings, try_switches};
