//! Decisions of the engine's parts, for the loop to perform.

use crate::engine::run::subscription::EngineEvent;
use crate::gpio::Edge;
use crate::model::RunId;
use crate::supervisor::{LineRequest, ReplyTo, Request};

#[derive(Debug)]
pub(super) enum Effect {
    /// Ask the supervisor.
    Request(Request),
    /// Send the supervisor a request for the header's lines, and let the answer go there.
    AskHeader(ReplyTo, LineRequest),
    /// Hand this event to the listener.
    Publish(EngineEvent),
    /// Show the user a sentence that belongs to no run.
    Notice(String),
    /// Add the sentence to this run; if that is gone, show it to the user.
    NoticeIn(RunId, String),
    /// Add the sentence to each run that goes on.
    NoticeInAll(String),
    /// Hand the edge of a line to the runs that it concerns, and to the listener.
    Edge(Edge),
}
