//! What views and keys ask for: actions and commands.

pub(super) mod actions;
pub(super) mod commands;
pub(super) mod selection;
