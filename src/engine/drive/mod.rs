//! The poll loop of the engine, and what performs effects: commands, actions, reports, the board, the sampler, saving.

pub(super) mod actions;
pub(super) mod adoption;
pub(super) mod apply;
pub(super) mod bell;
pub(super) mod board;
pub(super) mod command;
pub(super) mod ending;
pub(super) mod engine_loop;
pub(super) mod handle;
pub(super) mod machine;
pub(super) mod place;
pub(super) mod reports;
pub(super) mod sampler;
pub(super) mod save;
pub(super) mod start;
pub(super) mod watch;
