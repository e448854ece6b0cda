//! The process table, and which rows it shows.

mod rows;
pub(crate) mod tree;
