//! Threads with lanes: started by name, and joined. Built on `std::thread::scope`, so that
//! they may borrow anything that the body owns.

use std::any::Any;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, ScopedJoinHandle};
use std::time::Duration;

use super::listener::Listener;
use super::thing::Thing;
use crate::model::{EventKind, Line, TaskSort};
use crate::scenario::card::Reply;
use crate::scenario::lesson::handle::{Lesson, LessonError, Task};
use crate::scenario::lesson::tracking::lane::{own_lane, write_stamped};
use crate::sys::exit_now;

/// Threads of one kind that one run takes, with those that a person adds.
const MOST_THREADS: usize = 64;

type Handle<'scope, R> = ScopedJoinHandle<'scope, Option<R>>;

/// The scope of threads: they have all ended when it ends. See [`Lesson::scope`].
pub struct Scope<'scope, 'env: 'scope> {
    starter: Starter<'scope, 'env>,
    listener: Arc<Listener<'scope, 'env>>,
}

impl Lesson {
    /// Runs `body`, and then waits for every thread that it started. A person can act on what the outermost scope offers.
    ///
    /// ```ignore
    /// let outcomes = lesson.scope(|scope| {
    ///     let workers = scope.threads("worker", 4, |worker| {
    ///         worker.sleep(Duration::from_millis(20 * worker.number()));
    ///         barrier.wait_for(timeout)
    ///     })?;
    ///     Ok(workers.wait())
    /// })?;
    /// ```
    pub fn scope<'env, R>(&'env self, body: impl for<'scope> FnOnce(&Scope<'scope, 'env>) -> R) -> R {
        thread::scope(|threads| {
            let listener = Listener::new(self, threads);
            // It is dropped when the scope is over, also by a panic, which ends the listener.
            let _stop = (!self.body().has_listener()).then(|| listener.start().ok());
            let alive = Arc::new(Alive::default());
            let starter = Starter { lesson: self, threads, alive: Arc::clone(&alive) };
            let result = body(&Scope { starter, listener });
            alive.wait_for_none();
            result
        })
    }
}

impl<'scope, 'env> Scope<'scope, 'env> {
    /// Starts threads `prefix-1` to `prefix-count`; `add_one` starts more.
    #[track_caller]
    pub fn threads<R: Send + 'scope>(
        &self,
        prefix: &str,
        count: usize,
        run: impl Fn(&Worker<'_>) -> R + Send + Sync + 'scope,
    ) -> Result<Workers<'scope, 'env, R>, LessonError> {
        let group = Group {
            starter: self.starter.clone(),
            prefix: prefix.to_owned(),
            line: self.lesson().tracker().line(Location::caller()),
            run: Arc::new(run),
            ended_threads: Arc::default(),
            started: AtomicUsize::new(0),
            handles: Mutex::default(),
        };
        let group = Arc::new(group);
        let same = Arc::clone(&group);
        self.listener.offer_acts(move |action, name| (action == "another").then(|| same.another(name)).flatten());
        let workers = Workers(group);
        for _ in 0..count {
            workers.add_one()?;
        }
        Ok(workers)
    }

    /// Starts one thread for each of these names, with the numbers from 1.
    #[track_caller]
    pub fn threads_named<R: Send + 'scope>(
        &self,
        names: impl IntoIterator<Item = &'static str>,
        run: impl Fn(&Worker<'_>) -> R + Send + Sync + 'scope,
    ) -> Result<Workers<'scope, 'env, R>, LessonError> {
        let workers = self.threads("thread", 0, run)?;
        for name in names {
            workers.add_named(name.to_owned())?;
        }
        Ok(workers)
    }

    /// Starts one thread under this name.
    #[track_caller]
    pub fn thread<R: Send + 'scope>(
        &self,
        name: &str,
        run: impl FnOnce(&Worker<'_>) -> R + Send + 'scope,
    ) -> Result<Thread<'scope, R>, LessonError> {
        let line = self.lesson().tracker().line(Location::caller());
        let handle = self.starter.start(name.to_owned(), 1, line, run, |_| ())?;
        Ok(Thread { lesson: self.lesson(), name: name.to_owned(), handle })
    }

    /// Makes a thread that is shown under this name, and does not run before it is started.
    #[track_caller]
    pub fn new_thread<R: Send + 'scope>(
        &self,
        name: &str,
        run: impl FnOnce(&Worker<'_>) -> R + Send + 'scope,
    ) -> NewThread<'scope, 'env, R> {
        let line = self.lesson().tracker().line(Location::caller());
        self.lesson().created(name, TaskSort::Thread, line);
        NewThread { starter: self.starter.clone(), name: name.to_owned(), line, run: Box::new(run) }
    }

    /// A person can act on this thing from now on.
    pub fn offer(&self, thing: &'env (dyn Thing + 'env)) {
        self.listener.offer(thing);
    }

    /// Ends the process, whatever its threads do: as the end of `main` does, and the end of Python's program with its daemons.
    pub fn leave(&self) -> ! {
        if let Some(lane) = own_lane() {
            self.lesson().report(EventKind::TaskFinished { task: lane.name.clone(), result: "ok".to_owned() });
        }
        exit_now(0)
    }

    /// Has a function called at each press of the button between this line and ground.
    pub fn when_pressed(&self, line: Line, run: impl Fn() + Send + 'scope) {
        self.lesson().watch(line);
        self.listener.offer_acts(move |action, target| {
            (action == "press" && target == line.to_string()).then(|| {
                run();
                Ok(())
            })
        });
    }

    pub(super) fn listener(&self) -> &Arc<Listener<'scope, 'env>> {
        &self.listener
    }

    pub(super) const fn starter(&self) -> &Starter<'scope, 'env> {
        &self.starter
    }

    /// The lesson.
    pub const fn lesson(&self) -> &'env Lesson {
        self.starter.lesson
    }
}

/// The argument of a thread's function: its number, from 1, and its lane.
#[derive(Debug)]
pub struct Worker<'s> {
    lesson: &'s Lesson,
    number: usize,
    name: String,
    lane: &'s Task<'s>,
}

impl Worker<'_> {
    /// Its number among those that were started together, from 1.
    pub const fn number(&self) -> usize {
        self.number
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Prints a line with its name before it.
    pub fn say(&self, text: &str) {
        self.lesson.say(&format!("{} {text}", self.name));
    }

    /// Its lane, to say what it does: `worker.lane().running("the sum")`.
    pub const fn lane(&self) -> &Task<'_> {
        self.lane
    }

    /// Sleeps, and shows it.
    #[track_caller]
    pub fn sleep(&self, time: Duration) {
        self.lesson.sleep(time);
    }
}

/// A thread that has been made, and not started. See [`Scope::new_thread`].
pub struct NewThread<'scope, 'env: 'scope, R> {
    starter: Starter<'scope, 'env>,
    name: String,
    line: Option<u32>,
    run: Box<dyn FnOnce(&Worker<'_>) -> R + Send + 'scope>,
}

impl<'scope, R: Send + 'scope> NewThread<'scope, '_, R> {
    /// Starts it, and does not wait for it.
    pub fn start(self) -> Result<Thread<'scope, R>, LessonError> {
        let handle = self.starter.start(self.name.clone(), 1, self.line, self.run, |_| ())?;
        Ok(Thread { lesson: self.starter.lesson, name: self.name, handle })
    }
}

/// One thread.
#[derive(Debug)]
pub struct Thread<'scope, R> {
    lesson: &'scope Lesson,
    name: String,
    handle: ScopedJoinHandle<'scope, Option<R>>,
}

impl<R> Thread<'_, R> {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it has not ended.
    pub fn is_alive(&self) -> bool {
        !self.handle.is_finished()
    }

    /// Waits until it has ended, deaf to actions; `None` if it panicked.
    #[track_caller]
    pub fn join(self) -> Option<R> {
        join(self.lesson, &self.name, self.handle)
    }
}

/// Waits for the end of the thread of this name, and tells of the wait, if there is one.
#[track_caller]
pub(super) fn join<R>(lesson: &Lesson, name: &str, handle: ScopedJoinHandle<'_, Option<R>>) -> Option<R> {
    let lane = own_lane().filter(|_| lesson.tracker().has_listener() && !handle.is_finished());
    let line = lesson.tracker().line(Location::caller());
    if let Some(lane) = &lane {
        lane.stamp_wait(lesson.reporter(), "join()", Some(name), line);
        write_stamped(lesson.reporter());
    }
    let result = handle.join().ok().flatten();
    if let Some(lane) = lane {
        lane.stamp_run(lesson.reporter(), Some(name), line);
        lane.write(lesson.reporter());
    }
    result
}

/// Threads that run the same function.
pub struct Workers<'scope, 'env: 'scope, R>(Arc<Group<'scope, 'env, R>>);

struct Group<'scope, 'env: 'scope, R> {
    starter: Starter<'scope, 'env>,
    prefix: String,
    line: Option<u32>,
    run: Arc<dyn Fn(&Worker<'_>) -> R + Send + Sync + 'scope>,
    ended_threads: Arc<Mutex<Ended>>,
    started: AtomicUsize,
    handles: Mutex<VecDeque<Handle<'scope, R>>>,
}

/// The threads that have ended.
#[derive(Debug, Default)]
struct Ended {
    count: usize,
    /// The name of the last one.
    last: Option<String>,
}

impl<'scope, R: Send + 'scope> Workers<'scope, '_, R> {
    /// Starts one more, with the next number.
    pub fn add_one(&self) -> Result<(), LessonError> {
        self.0.add_one()
    }

    fn add_named(&self, name: String) -> Result<(), LessonError> {
        self.0.start(name, self.count() + 1)
    }

    /// Waits until all have ended. Returns the results by their numbers; `None` for one that panicked.
    #[track_caller]
    pub fn wait(&self) -> Vec<Option<R>> {
        let group = &self.0;
        group.tell_wait(Location::caller());
        let mut results = Vec::new();
        // One more may be started meanwhile.
        while let Some(handle) = group.next_handle() {
            results.push(handle.join().ok().flatten());
        }
        group.tell_end(Location::caller());
        results
    }
}

impl<R> Workers<'_, '_, R> {
    /// How many were started.
    pub fn count(&self) -> usize {
        self.0.count()
    }

    /// How many have not ended.
    pub fn alive(&self) -> usize {
        self.0.alive()
    }
}

impl<'scope, R: Send + 'scope> Group<'scope, '_, R> {
    fn add_one(&self) -> Result<(), LessonError> {
        let number = self.count() + 1;
        self.add_like(number)
    }

    /// One more with the next name, that does what the one of this number does.
    fn add_like(&self, number: usize) -> Result<(), LessonError> {
        self.start(format!("{}-{}", self.prefix, self.count() + 1), number)
    }

    fn start(&self, name: String, number: usize) -> Result<(), LessonError> {
        let mut handles = self.handles();
        self.started.fetch_add(1, Ordering::Relaxed);
        let run = Arc::clone(&self.run);
        let threads = Arc::clone(&self.ended_threads);
        let ended = move |name: &str| {
            let mut threads = threads.lock().unwrap_or_else(PoisonError::into_inner);
            *threads = Ended { count: threads.count + 1, last: Some(name.to_owned()) };
        };
        handles.push_back(self.starter.start(name, number, self.line, move |worker| run(worker), ended)?);
        Ok(())
    }

    /// One more like the one of this name, if that is one of the group.
    fn another(&self, name: &str) -> Option<Reply> {
        let number: usize = name.strip_prefix(self.prefix.as_str())?.strip_prefix('-')?.parse().ok()?;
        if number == 0 || number > self.count() {
            return None;
        }
        Some(if self.count() < MOST_THREADS {
            self.add_like(number).map_err(|error| error.to_string())
        } else {
            Err(format!("{MOST_THREADS} threads of this kind are enough for one run"))
        })
    }
}

impl<'scope, R> Group<'scope, '_, R> {
    fn count(&self) -> usize {
        self.started.load(Ordering::Relaxed)
    }

    fn alive(&self) -> usize {
        self.count() - self.ended().count
    }

    fn handles(&self) -> MutexGuard<'_, VecDeque<Handle<'scope, R>>> {
        self.handles.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn next_handle(&self) -> Option<Handle<'scope, R>> {
        self.handles().pop_front()
    }

    fn ended(&self) -> MutexGuard<'_, Ended> {
        self.ended_threads.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells that the calling task waits for all threads, unless the body has said in its own words what it waits for.
    fn tell_wait(&self, caller: &Location<'_>) {
        if let Some(lane) = own_lane().filter(|_| self.starter.lesson.tracker().has_listener())
            && !lane.is_told_to_wait.load(Ordering::Relaxed)
            && self.alive() > 0
        {
            lane.stamp_wait(self.starter.lesson.reporter(), "join()", None, self.starter.lesson.tracker().line(caller));
            write_stamped(self.starter.lesson.reporter());
        }
    }

    /// Tells that this wait is over since the last thread has ended.
    fn tell_end(&self, caller: &Location<'_>) {
        let last = self.ended().last.clone();
        if let Some(lane) = own_lane().filter(|_| self.starter.lesson.tracker().has_listener())
            && lane.is_told_to_wait.load(Ordering::Relaxed)
        {
            lane.stamp_run(self.starter.lesson.reporter(), last.as_deref(), self.starter.lesson.tracker().line(caller));
            lane.write(self.starter.lesson.reporter());
        }
    }
}

/// The means to start a thread of one scope.
#[derive(Clone)]
pub(super) struct Starter<'scope, 'env: 'scope> {
    pub(super) lesson: &'env Lesson,
    threads: &'scope thread::Scope<'scope, 'env>,
    alive: Arc<Alive>,
}

/// How many threads of a scope have not ended.
#[derive(Debug, Default)]
struct Alive {
    count: Mutex<usize>,
    changed: Condvar,
}

impl Alive {
    fn add(&self, change: isize) {
        let mut count = self.count.lock().unwrap_or_else(PoisonError::into_inner);
        *count = count.saturating_add_signed(change);
        self.changed.notify_all();
    }

    fn wait_for_none(&self) {
        let count = self.count.lock().unwrap_or_else(PoisonError::into_inner);
        drop(self.changed.wait_while(count, |count| *count > 0));
    }
}

impl<'scope> Starter<'scope, '_> {
    /// Starts a thread with a lane that is closed however the function ends. `ended` gets its name then.
    pub(super) fn start<R: Send + 'scope>(
        &self,
        name: String,
        number: usize,
        line: Option<u32>,
        run: impl FnOnce(&Worker<'_>) -> R + Send + 'scope,
        ended: impl FnOnce(&str) + Send + 'scope,
    ) -> Result<ScopedJoinHandle<'scope, Option<R>>, LessonError> {
        let failed = LessonError::kernel(format!("start the thread {name}"));
        let builder = thread::Builder::new().name(name.chars().take(15).collect());
        let (lesson, alive) = (self.lesson, Arc::clone(&self.alive));
        let body = move || {
            let lane = lesson.task_at(name.clone(), TaskSort::Thread, line);
            let worker = Worker { lesson, number, name, lane: &lane };
            let result = catch_unwind(AssertUnwindSafe(|| run(&worker)));
            let name = worker.name;
            lane.finish(&result.as_ref().err().map_or_else(|| "ok".to_owned(), |panic| message(&**panic)));
            ended(&name);
            alive.add(-1);
            result.ok()
        };
        self.alive.add(1);
        builder.spawn_scoped(self.threads, body).map_err(|error| {
            self.alive.add(-1);
            failed(error)
        })
    }
}

pub(super) fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    format!("panicked: {}", text.unwrap_or_else(|| "no message".to_owned()))
}
