//! Step mode: a gate before each tracked operation, where a task stops until it is let go, or until its turn comes in an
//! order that is replayed. One task moves at a time, so that an order of passed gates is all that a run depends on.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use crate::model::EventKind;
use crate::scenario::card::STEP;
use crate::scenario::lesson::LessonAction;
use crate::scenario::lesson::handle::Lesson;
use crate::scenario::lesson::tracking::lane::{Lane, write_stamped};

/// How long a replay waits for the task whose turn it is, while nobody else moves.
const PATIENCE: Duration = Duration::from_secs(1);

impl Lesson {
    /// Switches step mode on: from now on each tracked operation of a thread waits until [`Lesson::step`] lets it pass.
    pub fn step_mode(&self, on: bool) {
        let steps = &self.tracker().steps;
        let mut state = steps.lock();
        let was_on = std::mem::replace(&mut state.is_on, on);
        if !on {
            (state.replay, state.permits, state.moving) = (VecDeque::new(), Vec::new(), BTreeSet::new());
        }
        self.tracker().set_stepped(state.is_active());
        drop(state);
        steps.changed.notify_all();
        if was_on != on {
            self.value(STEP, if on { "on" } else { "off" });
        }
    }

    /// No action can let a task pass any more, so all tasks run freely.
    pub(crate) fn leave_step_mode(&self) {
        if self.tracker().is_stepped() && self.tracker().steps.lock().is_on {
            self.notice("step mode ends: nobody is there who could say who goes next");
            self.step_mode(false);
        }
    }

    /// Lets the gates be passed in this order, the names of tasks with blanks between, as the value `order` showed it;
    /// afterwards all run freely. An empty order changes nothing.
    pub fn replay(&self, order: &str) {
        let mut state = self.tracker().steps.lock();
        state.replay = order.split_whitespace().map(str::to_owned).collect();
        self.tracker().set_stepped(state.is_active());
    }

    /// Does what the action `step` asks for: `on`, `off`, a task's name, or nothing for the one that waits longest.
    pub(crate) fn step(&self, asked: &LessonAction) {
        match asked.target.as_str() {
            "on" => self.step_mode(true),
            "off" => self.step_mode(false),
            name => {
                let steps = &self.tracker().steps;
                let mut state = steps.lock();
                let lane = if name.is_empty() {
                    state.gates.first().copied()
                } else {
                    let lanes = self.tracker().lanes();
                    lanes.iter().rev().find(|lane| lane.is_stepped && lane.name == name).map(|lane| lane.number)
                };
                let why = match lane {
                    Some(number) if state.is_on => {
                        state.permits.push(number);
                        None
                    }
                    _ if !state.is_on => Some("step mode is off; `step on` switches it on".to_owned()),
                    _ if name.is_empty() => Some("no task stands before a step".to_owned()),
                    _ => Some(format!(
                        "no task is called {name:?} that step mode could stop; on, off or the name of one is accepted"
                    )),
                };
                if let Some(why) = why {
                    drop(state);
                    return self.refuse(asked, &why);
                }
                drop(state);
                steps.changed.notify_all();
            }
        }
    }

    /// Why an order cannot be followed any more: it is the turn of a task that does not come.
    fn why_no_turn(&self, next: &str) -> String {
        let lanes = self.tracker().lanes();
        let names: BTreeSet<&str> = lanes.iter().filter(|lane| lane.is_stepped).map(|lane| lane.name.as_str()).collect();
        if names.contains(next) {
            return format!("could not replay the order to its end: it is the turn of {next}, which comes to no gate");
        }
        let names: Vec<&str> = names.into_iter().collect();
        format!(
            "could not replay the order to its end: it is the turn of {next:?}, and no task is called that; there are: {}",
            names.join(", ")
        )
    }

    /// Whether step mode is on, or an order is replayed.
    pub fn is_stepped(&self) -> bool {
        self.tracker().is_stepped()
    }

    /// The order in which gates were passed so far.
    pub fn order(&self) -> Vec<String> {
        self.tracker().steps.lock().order.clone()
    }

    /// Stands at the gate before an operation until it may pass.
    pub(super) fn gate(&self, lane: &Arc<Lane>, operation: &str, on: &str, line: Option<u32>) {
        if !lane.is_stepped || !self.tracker().is_stepped() {
            return;
        }
        let steps = &self.tracker().steps;
        let mut state = steps.lock();
        state.moving.remove(&lane.number);
        state.gates.push(lane.number);
        lane.stamp_wait(self.reporter(), format!("{STEP}: {operation} {on}").trim_end(), None, line);
        steps.changed.notify_all();
        // Others come to their gates and pass them while the line is written.
        drop(state);
        write_stamped(self.reporter());
        state = steps.lock();
        while !state.may_pass(lane) {
            let passed = state.order.len();
            let (again, time) = steps.changed.wait_timeout(state, PATIENCE).unwrap_or_else(PoisonError::into_inner);
            state = again;
            // The one whose turn it is never came: it has ended, or it waits for what another one has.
            if time.timed_out()
                && state.moving.is_empty()
                && state.order.len() == passed
                && !state.may_pass(lane)
                && let Some(next) = state.replay.front().cloned()
            {
                let text = self.why_no_turn(&next);
                self.reporter().stamp(EventKind::Notice { text });
                state.replay.clear();
                self.tracker().set_stepped(state.is_active());
                steps.changed.notify_all();
            }
        }
        if state.pass(lane) {
            self.reporter().stamp(EventKind::Value { name: "order".to_owned(), value: state.order.join(" ").into() });
        }
        self.tracker().set_stepped(state.is_active());
        drop(state);
        lane.stamp_run(self.reporter(), None, line);
        lane.write(self.reporter());
    }
}
