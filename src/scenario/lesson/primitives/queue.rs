//! Queues with the semantics of Python's `queue.Queue`, which is also a joinable queue: first in, first out, with a
//! largest size, and a count of items that were put and are not done.

use std::collections::VecDeque;
use std::time::Duration;

use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::freed::Freed;
use super::monitor::{By, Done, Monitor, Operation, Wake};
use crate::scenario::card::Reply;
use crate::scenario::lesson::handle::Lesson;

/// Sides of the monitor: who waits for an item, for room, for all to be done.
const NOT_EMPTY: usize = 0;
const NOT_FULL: usize = 1;
const ALL_DONE: usize = 2;

/// `task_done` was called more often than items were put.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("could not call an item done: task_done was called more often than items were put")]
pub struct TooManyDone;

/// A tracked queue. See [`Lesson::queue`].
#[derive(Debug)]
pub struct Queue<'s, T> {
    /// 0: no limit.
    maxsize: usize,
    monitor: Monitor<'s, Items<T>, 3>,
    shown: Shown<T>,
}

/// How items are written and read.
#[derive(Debug)]
struct Shown<T> {
    write: fn(&T) -> Value,
    read: fn(&str) -> Option<T>,
}

#[derive(Debug)]
struct Items<T> {
    /// Each with the task that put it.
    waiting: VecDeque<(T, By)>,
    unfinished: usize,
    /// The tasks that made the room that is free.
    room: Freed,
    /// The task that called the last unfinished item done.
    done_by: By,
}

impl Lesson {
    /// A queue for at most `maxsize` items; 0 is no limit.
    ///
    /// ```ignore
    /// let mail = lesson.queue("mail", 10);
    /// mail.put(Some(letter));             // waits while it is full
    /// while let Some(letter) = mail.get() {   // waits while it is empty
    ///     …
    ///     mail.task_done()?;
    /// }
    /// mail.join();                        // waits until each item that was put is done
    /// ```
    pub fn queue<T>(&self, name: &str, maxsize: usize) -> Queue<'_, T> {
        let items = Items { waiting: VecDeque::new(), unfinished: 0, room: Freed::default(), done_by: None };
        let shown = Shown { write: |_| Value::Null, read: |_| None };
        Queue { maxsize, monitor: Monitor::new(self, format!("queue {name}"), None, items), shown }
    }

    /// The same, for items that are shown as they are put and taken, and that a person can put.
    pub fn shown_queue<T: Serialize + DeserializeOwned>(&self, name: &str, maxsize: usize) -> Queue<'_, T> {
        let write = |item: &T| match serde_json::to_value(item).unwrap_or_default() {
            // An event tells of numbers, texts and truth values.
            several @ (Value::Array(_) | Value::Object(_)) => several.to_string().into(),
            one => one,
        };
        // A number where the text is one.
        let read = |text: &str| serde_json::from_str(text).or_else(|_| serde_json::from_value(text.into())).ok();
        Queue { shown: Shown { write, read }, ..self.queue(name, maxsize) }
    }
}

impl<T> Queue<'_, T> {
    /// Puts an item at the end, and waits for room as long as it takes.
    #[track_caller]
    pub fn put(&self, item: T) {
        let _ = self.offer(Operation::new("put into"), item);
    }

    /// Puts an item at the end; gives it back if there was no room in that time.
    #[track_caller]
    pub fn put_for(&self, item: T, timeout: Duration) -> Result<(), T> {
        self.offer(Operation::new("put into").within(timeout), item)
    }

    /// Takes the first item, and waits for one as long as it takes.
    #[track_caller]
    pub fn get(&self) -> T {
        loop {
            if let Some(item) = self.take(Operation::new("get from")) {
                return item;
            }
        }
    }

    /// Takes the first item, if there is one.
    #[track_caller]
    pub fn try_get(&self) -> Option<T> {
        self.take(Operation::new("try to get from").within(Duration::ZERO))
    }

    /// Takes the first item, if there is one in that time.
    #[track_caller]
    pub fn get_for(&self, timeout: Duration) -> Option<T> {
        self.take(Operation::new("get from").within(timeout))
    }

    /// An item that was taken is done.
    #[track_caller]
    pub fn task_done(&self) -> Result<(), TooManyDone> {
        let done = self.monitor.perform(Operation::new("task_done on"), |items, me| {
            let Some(left) = items.unfinished.checked_sub(1) else { return Some(Done::new(Err(TooManyDone))) };
            items.unfinished = left;
            if left > 0 {
                return Some(Done::new(Ok(())));
            }
            items.done_by = me.cloned();
            Some(Done::new(Ok(())).wakes(Wake::All(ALL_DONE)))
        });
        let done = done.unwrap_or(Err(TooManyDone));
        self.monitor.operated("task_done", if done.is_ok() { Value::Null } else { Value::from("ValueError") });
        done
    }

    /// Waits until each item that was put is done.
    #[track_caller]
    pub fn join(&self) {
        self.finished(Operation::new("join"));
    }

    /// How many items wait in it.
    pub fn qsize(&self) -> usize {
        self.monitor.look(|items| items.waiting.len())
    }

    /// Items that were put and are not done.
    pub fn unfinished(&self) -> usize {
        self.monitor.look(|items| items.unfinished)
    }

    pub(super) fn on(&self) -> &str {
        self.monitor.on()
    }

    /// Puts the item that a person has typed.
    pub(super) fn put_text(&self, text: &str) -> Reply {
        let item = (self.shown.read)(text).ok_or_else(|| format!("this queue takes no {text:?}"))?;
        self.put_for(item, Duration::ZERO).map_err(|_| "the queue is full".to_owned())
    }

    #[track_caller]
    fn offer(&self, operation: Operation, item: T) -> Result<(), T> {
        let shown = (self.shown.write)(&item);
        let mut item = Some(item);
        self.monitor.perform(operation.side(NOT_FULL), |items, me| {
            let room = self.room(items);
            if room == 0 {
                return None;
            }
            items.waiting.extend(item.take().map(|item| (item, me.cloned())));
            items.unfinished += 1;
            Some(Done::new(()).wakes(Wake::One(NOT_EMPTY)).woken_by(items.room.take(room)))
        });
        self.monitor.operated("put", if item.is_some() { Value::from("Full") } else { shown });
        item.map_or(Ok(()), Err)
    }

    #[track_caller]
    fn take(&self, operation: Operation) -> Option<T> {
        let taken = self.monitor.perform(operation.side(NOT_EMPTY), |items, me| {
            let (item, put_by) = items.waiting.pop_front()?;
            if self.maxsize > 0 {
                items.room.free(me);
            }
            Some(Done::new(item).wakes(Wake::One(NOT_FULL)).woken_by(put_by))
        });
        self.monitor.operated("get", taken.as_ref().map_or_else(|| Value::from("Empty"), self.shown.write));
        taken
    }

    /// How many more items it takes.
    fn room(&self, items: &Items<T>) -> usize {
        if self.maxsize == 0 { usize::MAX } else { self.maxsize.saturating_sub(items.waiting.len()) }
    }

    #[track_caller]
    fn finished(&self, operation: Operation) -> bool {
        let is_done = |items: &mut Items<T>| (items.unfinished == 0).then(|| Done::new(()).woken_by(items.done_by.clone()));
        let is_done = self.monitor.perform(operation.side(ALL_DONE), |items, _| is_done(items)).is_some();
        self.monitor.operated("join", ());
        is_done
    }
}
