//! The views, one file each: functions of a snapshot that push actions.

pub(super) mod card;
pub(super) mod code;
pub(super) mod compare;
pub(super) mod cores;
pub(super) mod facts;
pub(super) mod header;
pub(super) mod library;
pub(super) mod log;
pub(super) mod output;
pub(super) mod own_actions;
mod own_settings;
pub(super) mod prediction;
pub(super) mod program_form;
pub(super) mod scheduler;
pub(super) mod selected;
pub(super) mod step;
pub(super) mod table;
pub(super) mod things;
pub(super) mod time;
pub(super) mod typing;
