//! Requests of views and keys: actions, commands, selection.

pub(super) mod actions;
pub(super) mod commands;
pub(super) mod lane_keys;
pub(super) mod parts;
pub(super) mod selection;
