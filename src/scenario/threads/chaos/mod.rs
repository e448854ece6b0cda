//! Five runs, five orders.

mod body;
mod card;

pub(crate) use card::CHAOS;
