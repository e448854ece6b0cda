//! Terminate and kill.

mod body;

pub(crate) use body::SIGNALS;
