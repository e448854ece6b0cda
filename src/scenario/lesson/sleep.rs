//! Sleeps of a body, which a person can end. Any thread.

use std::panic::Location;
use std::thread;
use std::time::{Duration, Instant};

use crate::scenario::card::Reply;
use crate::scenario::lesson::control::LessonAction;
use crate::scenario::lesson::handle::Lesson;
use crate::scenario::lesson::tracking::lane::{own_lane, write_stamped};

impl Lesson {
    /// Sleeps this long, and shows it. A person can end it: `go-on main`.
    #[track_caller]
    pub fn sleep(&self, time: Duration) {
        let (body, Some(lane)) = (self.body(), own_lane()) else { return thread::sleep(time) };
        let line = self.tracker().line(Location::caller());
        let deadline = Instant::now() + time;
        if self.tracker().has_listener() {
            lane.stamp_sleep(self.reporter(), deadline, line);
            write_stamped(self.reporter());
        }
        self.tracker().steps.settled(&lane);
        if body.has_listener() {
            body.sleep(&lane.name, deadline);
        } else {
            self.listen_until(&lane.name, deadline);
        }
        if self.tracker().is_stepped() {
            self.tracker().steps.moves(&lane);
        }
        if self.tracker().has_listener() {
            lane.stamp_run(self.reporter(), None, line);
            lane.write(self.reporter());
        }
    }

    /// Ends the sleep of a task.
    pub(crate) fn end_sleep(&self, name: &str) -> Reply {
        self.body().end_sleep(name)
    }

    /// Refuses what was asked for while the only thread waited for a child: a sleep that comes later is not meant.
    pub(crate) fn refuse_what_came_meanwhile(&self) {
        if !self.body().has_listener() {
            while let Ok(Some(asked)) = self.next_action(Duration::ZERO) {
                self.refuse_to_go_on(&asked);
            }
        }
    }

    fn refuse_to_go_on(&self, asked: &LessonAction) {
        if asked.name == "go-on" {
            self.refuse(asked, &format!("{} does not sleep", asked.target.trim()));
        } else {
            self.refuse(asked, &format!("there is no {:?} now; `go-on main` ends a sleep", asked.target.trim()));
        }
    }

    /// Sleeps without a listener, and takes the actions itself.
    fn listen_until(&self, name: &str, deadline: Instant) {
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            match self.next_action(left) {
                Ok(Some(asked)) if asked.name == "go-on" && asked.target.trim() == name => return,
                Ok(Some(asked)) => self.refuse_to_go_on(&asked),
                Ok(None) => {}
                Err(_) => return thread::sleep(left),
            }
        }
    }
}
