//! The poll loop of the engine, and its parts: each has its own state and decides; the loop performs.

mod adoption;
mod apply;
mod bell;
pub(super) mod command;
mod effect;
mod engine_loop;
pub(super) mod handle;
mod header;
mod liveness;
mod machine;
mod perform;
pub(super) mod place;
mod publication;
mod readers;
mod save;
mod sent_signals;
pub(super) mod start;
mod stop_all;
mod supervisor_link;
