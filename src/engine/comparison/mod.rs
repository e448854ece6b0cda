//! The same work in several ways: what is asked, the numbers, and what they say.

pub(super) mod compare;
pub(super) mod table;
pub(super) mod verdict;
