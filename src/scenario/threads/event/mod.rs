//! Events.

mod body;
mod card;

pub(crate) use card::EVENT;
