//! Events.

mod body;

pub(crate) use body::EVENT;
