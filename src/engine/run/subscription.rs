//! All events, for a listener that wants them all: the command line. Bounded; while the queue is full, the engine reads no output, so that
//! the children wait and nothing is lost.

use std::collections::VecDeque;
use std::sync::Arc;

use crossbeam_channel::{Sender, TrySendError};

use crate::gpio::Edge;
use crate::model::{BoardView, Comparison, Event, Pid, RunId};
use crate::supervisor::LaunchFailure;

/// Something that happened.
#[derive(Debug, Clone)]
pub enum EngineEvent {
    /// An event of a run.
    Event(RunId, Arc<Event>),
    /// The first processes of a run were started, first stage to last.
    Launched(RunId, Vec<Pid>),
    /// A run could not be launched; its `run.finished` follows.
    NotLaunched(RunId, LaunchFailure),
    /// A comparison is over, or has been given up.
    Compared(Arc<Comparison>),
    /// A command was refused, with the reason as a sentence.
    Refused(String),
    /// The present header: the answer to a request, or the news that it has changed.
    Board {
        /// The number of the request that this answers, if its sender gave it one.
        request_number: Option<u64>,
        /// All pins.
        board: Arc<BoardView>,
        /// Why the request was refused.
        refused: Option<String>,
    },
    /// A line has changed its level.
    Edge(Edge),
}

/// The engine's end of the queue.
#[derive(Debug)]
pub(crate) struct Subscription {
    sender: Option<Sender<EngineEvent>>,
    waiting: VecDeque<EngineEvent>,
    /// Whether the last flush could not hand over all events.
    is_behind: bool,
}

impl Subscription {
    pub(crate) const fn new(sender: Option<Sender<EngineEvent>>) -> Self {
        Self { sender, waiting: VecDeque::new(), is_behind: false }
    }

    /// Whether somebody wants every byte.
    pub(crate) const fn is_wanted(&self) -> bool {
        self.sender.is_some()
    }

    pub(crate) fn push(&mut self, event: EngineEvent) {
        if self.sender.is_some() {
            self.waiting.push_back(event);
        }
    }

    /// Hands over as many events as there is room for. A listener that is gone gets no more.
    pub(crate) fn flush(&mut self) {
        self.is_behind = false;
        while let (Some(sender), Some(event)) = (&self.sender, self.waiting.pop_front()) {
            match sender.try_send(event) {
                Ok(()) => {}
                Err(TrySendError::Full(event)) => {
                    self.is_behind = true;
                    return self.waiting.push_front(event);
                }
                Err(TrySendError::Disconnected(_)) => {
                    self.sender = None;
                    self.waiting.clear();
                }
            }
        }
    }

    /// Whether the listener is behind, so that nothing more should be read.
    pub(crate) const fn is_behind(&self) -> bool {
        self.is_behind
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listener_is_behind_only_while_its_queue_is_full() {
        let (sender, events) = crossbeam_channel::bounded(2);
        let mut subscription = Subscription::new(Some(sender));
        let event = || EngineEvent::Refused(String::new());
        subscription.push(event());
        assert!(!subscription.is_behind(), "it was not handed over yet");
        subscription.flush();
        assert!(!subscription.is_behind());
        subscription.push(event());
        subscription.push(event());
        subscription.flush();
        assert!(subscription.is_behind(), "one waits");
        assert_eq!(events.try_iter().count(), 2);
        subscription.flush();
        assert!(!subscription.is_behind());
        drop(events);
        subscription.push(event());
        subscription.flush();
        assert!(!subscription.is_behind() && !subscription.is_wanted(), "nobody listens any more");
    }
}
