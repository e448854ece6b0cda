//! One run: launch, processes, streams, script, actions, recording, end.

pub(super) mod actions;
pub(super) mod launch;
pub(crate) mod leds;
pub(super) mod lifecycle;
pub(super) mod lines;
pub(super) mod live_run;
pub(super) mod pipes;
pub(super) mod processes;
pub(super) mod python;
pub(super) mod recording;
pub(super) mod requests;
pub(super) mod run_list;
pub(super) mod script;
pub(super) mod shares;
pub(super) mod speaker;
pub(super) mod streams;
pub(super) mod subscription;
pub(super) mod twins;
pub(super) mod waiting;
pub(super) mod warnings;
