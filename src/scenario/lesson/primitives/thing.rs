//! Things that a person can act on by name while a lesson runs: `reset barrier gate`. The actions are those that the observer of Python
//! programs has for the same things.

use std::time::Duration;

use super::{Barrier, BoundedSemaphore, Condition, Event, Lock, Queue, Semaphore};
use crate::scenario::card::Reply;

/// A thing with a name, and what a person can do with it.
pub trait Thing: Sync {
    /// Its kind and name: `barrier gate`.
    fn name(&self) -> &str;

    /// Does this, with this text behind the name; `None` if things of this kind have no such action.
    fn act(&self, action: &str, text: &str) -> Option<Reply>;

    /// Takes it for the person, and waits for it at most this long; whether it was taken.
    fn take(&self, _: Duration) -> bool {
        false
    }

    /// Gives it back.
    fn give_back(&self) {}

    /// The action that takes it: `hold`, or `acquire`; empty if it cannot be taken.
    fn taken_by(&self) -> &'static str {
        ""
    }
}

impl Thing for Event<'_> {
    fn name(&self) -> &str {
        self.on()
    }

    fn act(&self, action: &str, _: &str) -> Option<Reply> {
        match action {
            "set" => self.set(),
            "clear" => self.clear(),
            _ => return None,
        }
        Some(Ok(()))
    }
}

impl Thing for Barrier<'_> {
    fn name(&self) -> &str {
        self.on()
    }

    fn act(&self, action: &str, _: &str) -> Option<Reply> {
        match action {
            "reset" => self.reset(),
            "abort" => self.abort(),
            _ => return None,
        }
        Some(Ok(()))
    }
}

impl Thing for Lock<'_> {
    fn name(&self) -> &str {
        self.on()
    }

    fn act(&self, action: &str, _: &str) -> Option<Reply> {
        (action == "release").then(|| self.release().map_err(|error| error.to_string()))
    }

    fn take(&self, timeout: Duration) -> bool {
        self.acquire_for(timeout)
    }

    fn give_back(&self) {
        // Another task may have released it, as any may.
        let _ = self.release();
    }

    fn taken_by(&self) -> &'static str {
        "hold"
    }
}

impl Thing for Semaphore<'_> {
    fn name(&self) -> &str {
        self.on()
    }

    fn act(&self, action: &str, _: &str) -> Option<Reply> {
        (action == "release").then(|| {
            self.release();
            Ok(())
        })
    }

    fn take(&self, timeout: Duration) -> bool {
        self.acquire_for(timeout)
    }

    fn give_back(&self) {
        self.release();
    }

    fn taken_by(&self) -> &'static str {
        "acquire"
    }
}

impl Thing for BoundedSemaphore<'_> {
    fn name(&self) -> &str {
        self.unbounded().on()
    }

    fn act(&self, action: &str, _: &str) -> Option<Reply> {
        (action == "release").then(|| self.release().map_err(|error| error.to_string()))
    }

    fn take(&self, timeout: Duration) -> bool {
        self.unbounded().acquire_for(timeout)
    }

    fn give_back(&self) {
        // Another task may have released it, as any may.
        let _ = self.release();
    }

    fn taken_by(&self) -> &'static str {
        "acquire"
    }
}

impl Thing for Condition<'_> {
    fn name(&self) -> &str {
        self.on()
    }

    fn act(&self, action: &str, _: &str) -> Option<Reply> {
        let count = match action {
            "notify" => 1,
            "notify_all" => usize::MAX,
            _ => return None,
        };
        self.acquire();
        Some(self.notify(count).and_then(|()| self.release()).map_err(|error| error.to_string()))
    }
}

impl<T: Send> Thing for Queue<'_, T> {
    fn name(&self) -> &str {
        self.on()
    }

    fn act(&self, action: &str, text: &str) -> Option<Reply> {
        (action == "put").then(|| self.put_text(text))
    }
}
