//! Process groups.

mod body;
mod card;

pub(crate) use card::PROCESS_GROUP;
