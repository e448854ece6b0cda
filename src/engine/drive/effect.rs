//! What the parts of the engine decide, for the loop to perform.

use crate::engine::run::subscription::EngineEvent;
use crate::gpio::Edge;
use crate::model::RunId;
use crate::supervisor::{LineRequest, Request};

#[derive(Debug)]
pub(super) enum Effect {
    /// Ask the supervisor.
    Request(Request),
    /// Ask the supervisor something of the header's lines. The answer names this number.
    AskHeader(u64, LineRequest),
    /// Tell the listener.
    Tell(EngineEvent),
    /// Show the user a sentence that belongs to no run.
    Notice(String),
    /// Tell it in this run; where that is gone, show it to the user.
    NoticeIn(RunId, String),
    /// Tell it in each run that goes on.
    NoticeInAll(String),
    /// Tell the runs that it concerns, and the listener, that a line has changed its level.
    Edge(Edge),
}
