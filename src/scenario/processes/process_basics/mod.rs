//! Programs, processes, families.

mod body;
mod card;

pub(crate) use card::PROCESS_BASICS;
