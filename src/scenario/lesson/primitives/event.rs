//! Events with the semantics of Python's `threading.Event`: a flag that goes up and wakes all who wait.

use std::time::Duration;

use super::monitor::{By, Done, Monitor, Operation, Wake};
use crate::scenario::lesson::handle::Lesson;

/// A tracked event. See [`Lesson::event`].
#[derive(Debug)]
pub struct Event<'s>(Monitor<'s, Flag>);

#[derive(Debug, Default)]
struct Flag {
    is_set: bool,
    /// How often it was raised: who waits goes on then, also if it is down again before that one runs.
    raised: u64,
    set_by: By,
}

impl Lesson {
    /// A flag that is down.
    ///
    /// ```ignore
    /// let go = lesson.event("go");
    /// if go.wait(Some(Duration::from_secs(1))) { … }     // false: not set in time
    /// go.set();
    /// ```
    pub fn event(&self, name: &str) -> Event<'_> {
        Event(Monitor::new(self, format!("event {name}"), None, Flag::default()))
    }
}

impl Event<'_> {
    /// Raises the flag: all who wait go on.
    #[track_caller]
    pub fn set(&self) {
        self.0.perform(Operation::new("set"), |flag, me| {
            if !flag.is_set {
                *flag = Flag { is_set: true, raised: flag.raised + 1, set_by: me.cloned() };
            }
            Some(Done::new(()).wakes(Wake::All(0)))
        });
        self.0.operated("set", ());
    }

    /// Takes the flag down: from now on they wait again.
    #[track_caller]
    pub fn clear(&self) {
        self.0.perform(Operation::new("clear"), |flag, _| {
            flag.is_set = false;
            Some(Done::new(()))
        });
        self.0.operated("clear", ());
    }

    pub(super) fn on(&self) -> &str {
        self.0.on()
    }

    /// Whether the flag is up.
    pub fn is_set(&self) -> bool {
        self.0.look(|flag| flag.is_set)
    }

    /// Waits until the flag is up, at most this long; whether it is.
    #[track_caller]
    pub fn wait(&self, timeout: Option<Duration>) -> bool {
        let wait = Operation::new("wait for");
        let wait = timeout.map_or(wait, |timeout| wait.within(timeout));
        let mut found = None;
        let passes = |flag: &mut Flag, _: Option<&_>| {
            let found = *found.get_or_insert(flag.raised);
            (flag.is_set || flag.raised > found).then(|| Done::new(()).woken_by(flag.set_by.clone()))
        };
        let is_set = self.0.perform(wait, passes).is_some();
        self.0.operated("wait", is_set);
        is_set
    }
}
