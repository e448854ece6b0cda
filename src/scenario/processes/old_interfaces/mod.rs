//! The old interfaces, and what they are made of.

mod body;

pub(crate) use body::OLD_INTERFACES;
