//! Events become the view of a run: processes, lanes, outputs, findings, usage. Pure.

pub(super) mod apply;
pub(super) mod findings;
pub(super) mod log;
pub(super) mod numbers;
pub(super) mod outputs;
pub(super) mod processes;
pub(super) mod published;
pub(super) mod reason;
pub(super) mod results;
mod scheduled;
pub(super) mod sentences;
pub(super) mod state;
pub(super) mod terminal;
#[cfg(test)]
mod tests;
pub(super) mod texts;
pub(super) mod timeline;
pub(super) mod tree;
pub(super) mod usage;
pub(super) mod view;
pub(super) mod waits;
