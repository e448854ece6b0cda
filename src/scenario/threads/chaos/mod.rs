//! Five runs, five orders.

mod body;

pub(crate) use body::CHAOS;
