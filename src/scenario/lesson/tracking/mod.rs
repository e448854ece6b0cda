//! The state of a lesson's threads: lanes, waits, and step mode's gates. It tells events through the reporter.

pub(super) mod lane;
mod pace;
pub(super) mod steps;
pub(super) mod tracker;
