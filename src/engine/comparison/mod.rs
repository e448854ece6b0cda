//! The same work in several ways: what is asked, the runs in turn, the numbers, and what they say.

pub(super) mod compare;
pub(super) mod runner;
pub(super) mod table;
pub(super) mod verdict;
