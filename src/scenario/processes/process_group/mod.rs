//! Process groups.

mod body;

pub(crate) use body::PROCESS_GROUP;
