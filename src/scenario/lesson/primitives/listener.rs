//! The thread that takes a person's actions while a plain body runs, so that the body need not: it acts on things and tasks by their
//! names, as the observer of Python programs does.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::io::{PipeReader, PipeWriter};
use std::os::fd::AsFd;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags};

use super::thing::Thing;
use crate::model::EventKind;
use crate::scenario::card::Reply;
use crate::scenario::lesson::control::LessonAction;
use crate::scenario::lesson::handle::Lesson;
use crate::scenario::lesson::tracking::lane::{YOU, write_stamped};
use crate::sys::poll;

/// The name of the thread, by which the engine knows that it is no task of the lesson.
const NAME: &str = "tasklab-listen";
/// A look whether the person still wants a thing that another task has.
const LOOK: Duration = Duration::from_millis(50);

/// Does an action on a target; `None` if it knows no such target.
type Acts<'scope> = Box<dyn Fn(&str, &str) -> Option<Reply> + Send + 'scope>;

/// Everything in one scope that a person can act on.
pub(super) struct Listener<'scope, 'env: 'scope> {
    lesson: &'env Lesson,
    threads: &'scope thread::Scope<'scope, 'env>,
    things: Mutex<Vec<&'env (dyn Thing + 'env)>>,
    others: Mutex<Vec<Acts<'scope>>>,
    /// The things that the person has, or waits for.
    kept: Mutex<HashMap<String, Arc<Keeping>>>,
}

/// A thing is kept until the person gives it back, or the scope ends.
#[derive(Debug, Default)]
struct Keeping {
    is_over: Mutex<bool>,
    changed: Condvar,
}

impl Keeping {
    fn is_over(&self) -> bool {
        *lock(&self.is_over)
    }

    fn wait(&self) {
        let over = self.changed.wait_while(lock(&self.is_over), |is_over| !*is_over);
        drop(over.unwrap_or_else(PoisonError::into_inner));
    }

    fn end(&self) {
        *lock(&self.is_over) = true;
        self.changed.notify_all();
    }
}

impl<'scope, 'env> Listener<'scope, 'env> {
    pub(super) fn new(lesson: &'env Lesson, threads: &'scope thread::Scope<'scope, 'env>) -> Arc<Self> {
        let (things, others, kept) = (Mutex::default(), Mutex::default(), Mutex::default());
        Arc::new(Self { lesson, threads, things, others, kept })
    }

    /// A person can act on this thing from now on.
    pub(super) fn offer(&self, thing: &'env (dyn Thing + 'env)) {
        lock(&self.things).push(thing);
        self.lesson.report(EventKind::Thing { on: thing.name().to_owned(), line: None });
    }

    /// A person can act on something that knows its targets itself.
    pub(super) fn offer_acts(&self, acts: impl Fn(&str, &str) -> Option<Reply> + Send + 'scope) {
        lock(&self.others).push(Box::new(acts));
    }

    /// Starts to listen, until what it returns is dropped.
    pub(super) fn start(self: &Arc<Self>) -> std::io::Result<PipeWriter> {
        let (stop, end) = std::io::pipe()?;
        let own = Arc::clone(self);
        let listen = move || {
            let _lane = own.lesson.tracker().open(YOU);
            while !is_ready(&stop) {
                // An error is the kernel's, and leaves nothing but the end.
                let Ok(asked) = own.lesson.listen(&[stop.as_fd()], Duration::from_mins(1)) else { break };
                if let Some(asked) = asked {
                    let reply = own.act(&asked);
                    write_stamped(own.lesson.reporter());
                    own.lesson.answer(&asked, &reply);
                }
            }
            own.lesson.body().listens(false);
            lock(&own.kept).drain().for_each(|(_, keeping)| keeping.end());
        };
        thread::Builder::new().name(NAME.to_owned()).spawn_scoped(self.threads, listen)?;
        self.lesson.body().listens(true);
        Ok(end)
    }

    fn act(self: &Arc<Self>, asked: &LessonAction) -> Reply {
        let (action, target) = (asked.name.as_str(), asked.target.trim());
        if action == "go-on" {
            return self.lesson.end_sleep(target);
        }
        if let Some(reply) = lock(&self.others).iter().rev().find_map(|acts| acts(action, target)) {
            return reply;
        }
        // The longest name that fits: the rest is a text for the action.
        let fits = |thing: &&(dyn Thing + 'env)| {
            target.strip_prefix(thing.name()).is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
        };
        let found = lock(&self.things).iter().copied().filter(fits).max_by_key(|thing| thing.name().len());
        let Some(thing) = found else {
            let names: Vec<String> = lock(&self.things).iter().map(|thing| thing.name().to_owned()).collect();
            let there = if names.is_empty() {
                "there is nothing that can be acted on".to_owned()
            } else {
                format!("there are: {}", names.join(", "))
            };
            return Err(format!("there is no {target:?}; {there}"));
        };
        let text = target[thing.name().len()..].trim();
        if action == thing.taken_by() {
            return self.take(thing);
        }
        if action == "release"
            && let Some(keeping) = lock(&self.kept).remove(thing.name())
        {
            keeping.end();
            return Ok(());
        }
        if action.starts_with("notify") {
            return self.notify(thing, action);
        }
        thing.act(action, text).unwrap_or_else(|| Err(format!("{action} is nothing that can be done with {}", thing.name())))
    }

    /// Has a thread of its own take a thing and keep it: another task may have it now.
    fn take(self: &Arc<Self>, thing: &'env (dyn Thing + 'env)) -> Reply {
        let keeping = Arc::new(Keeping::default());
        match lock(&self.kept).entry(thing.name().to_owned()) {
            Entry::Occupied(_) => return Err("you have it already".to_owned()),
            Entry::Vacant(place) => place.insert(Arc::clone(&keeping)),
        };
        let lesson = self.lesson;
        self.spawn(move || {
            let _lane = lesson.tracker().open(YOU);
            while !thing.take(LOOK) {
                if keeping.is_over() {
                    return;
                }
            }
            keeping.wait();
            thing.give_back();
            write_stamped(lesson.reporter());
        })
    }

    /// Has a thread of its own notify, since that takes the lock of the condition.
    fn notify(self: &Arc<Self>, thing: &'env (dyn Thing + 'env), action: &str) -> Reply {
        let (lesson, action) = (self.lesson, action.to_owned());
        self.spawn(move || {
            let _lane = lesson.tracker().open(YOU);
            let _ = thing.act(&action, "");
            write_stamped(lesson.reporter());
        })
    }

    fn spawn(&self, run: impl FnOnce() + Send + 'scope) -> Reply {
        let spawned = thread::Builder::new().name(NAME.to_owned()).spawn_scoped(self.threads, run);
        spawned.map(drop).map_err(|error| format!("no thread can be started for that: {error}"))
    }
}

/// Whether the scope is over.
fn is_ready(stop: &PipeReader) -> bool {
    poll(&mut [PollFd::new(stop, PollFlags::IN)], Some(Duration::ZERO)).is_ok_and(|count| count > 0)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
