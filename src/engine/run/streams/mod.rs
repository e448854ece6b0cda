//! The streams between Task Lab and the children of a run: output, event lines, standard input, actions for bodies.

pub(super) mod control;
pub(in crate::engine) mod events;
pub(super) mod events_fifo;
pub(super) mod input;
pub(super) mod output;
pub(in crate::engine) mod run_streams;
pub(in crate::engine) mod scratch;
