//! Programs, processes, families.

mod body;

pub(crate) use body::PROCESS_BASICS;
