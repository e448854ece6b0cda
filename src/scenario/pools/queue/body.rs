//! Queues: a belt between those who make items and those who use them up (concepts 51, 52, 54 and 55). The two small
//! programs are forked first, while there is one thread.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, PipeReader, Read, Write};
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::model::{Level, Line, Signal, TaskSort};
use crate::scenario::card::{Facts, Params, Reply, at_most, equals, more_than};
use crate::scenario::lesson::children::{Child, Fork};
use crate::scenario::lesson::control::TOO_LATE;
use crate::scenario::lesson::words::{counted, unknown};
use crate::scenario::lesson::{Event, Lesson, LessonAction, LessonError, Queue, Scope, Worker, Workers};
use crate::sys::{exit_now, set_nonblocking};

const LEDS: usize = 4;
/// Items that a person can add.
const MOST_EXTRA: usize = 20;
/// Items of the two small programs, and how long each takes.
const THEIR_ITEMS: usize = 12;
const THEIR_PAUSE: Duration = Duration::from_millis(80);
/// How long main looks on, to see whether more consumers stop than there were markers.
const LOOK: Duration = Duration::from_millis(200);
const TICK: Duration = Duration::from_millis(20);

pub(super) fn run(lesson: &Lesson, params: &Params) -> Result<Facts, LessonError> {
    let main = lesson.task("main", TaskSort::Thread);
    let programs = [Program::start(lesson, "daemon-thread", false)?, Program::start(lesson, "waited-for", true)?];
    let belt = Belt::new(lesson, params);
    let mut seen = lesson.scope(|scope| {
        let seen = Hand { main: &main, belt: &belt, params, deadline: Instant::now() + params.seconds("patience") }.run(scope);
        if seen.is_err() {
            belt.let_all_go();
        }
        seen
    })?;
    belt.show_bar(0);
    let [lost, kept] = programs.map(Program::count);
    (seen.lost, seen.not_kept) = (THEIR_ITEMS - lost?, THEIR_ITEMS - kept?);
    main.finish("ok");
    lesson.say(&format!(
        "{} items taken, counted {}; of 12 items for a thread that nobody waits for, {} are lost",
        seen.taken.len(),
        seen.counted,
        seen.lost
    ));
    Ok(facts(&seen))
}

/// What lies on the belt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Item {
    /// The item with this number, from this producer; 0 is main.
    Of { producer: usize, number: usize },
    /// Nothing will come any more, for whoever finds this.
    End,
}

/// The queue, and what is seen of it.
struct Belt<'s> {
    lesson: &'s Lesson,
    queue: Queue<'s, Item>,
    /// A message for each item that was used up; `None` is the end.
    counts: Queue<'s, Option<u64>>,
    /// Of each consumer: up while it is not paused; and whether it has found an END marker.
    may_take: Vec<Event<'s>>,
    has_ended: Vec<AtomicBool>,
    /// Pauses, in microseconds.
    produce: AtomicU64,
    consume: AtomicU64,
    items: usize,
    capacity: usize,
    extra: AtomicUsize,
    /// END markers that were put.
    ends: AtomicUsize,
    /// Consumer, producer and number, in the order in which they were taken.
    taken: Mutex<Vec<(usize, usize, usize)>>,
    deepest: AtomicUsize,
    bar: Vec<Line>,
    lit: Mutex<[Level; LEDS]>,
}

impl<'s> Belt<'s> {
    fn new(lesson: &'s Lesson, params: &Params) -> Self {
        // Each press of it makes one more item.
        lesson.button(params.line("button"));
        let may_take = |number| {
            let may = lesson.event(&format!("consumer-{number} may take"));
            may.set();
            may
        };
        let micros = |name| AtomicU64::new(params.seconds(name).as_micros() as u64);
        Self {
            lesson,
            queue: lesson.queue("belt", params.count("capacity")),
            counts: lesson.queue("counts", 0),
            may_take: (1..=params.count("consumers")).map(may_take).collect(),
            has_ended: (0..params.count("consumers")).map(|_| AtomicBool::new(false)).collect(),
            produce: micros("produce"),
            consume: micros("consume"),
            items: params.count("items"),
            capacity: params.count("capacity"),
            extra: AtomicUsize::new(0),
            ends: AtomicUsize::new(0),
            taken: Mutex::default(),
            deepest: AtomicUsize::new(0),
            bar: Line::all().skip_while(|line| *line < params.line("line")).take(LEDS).collect(),
            lit: Mutex::default(),
        }
    }

    /// Puts its share of the items.
    fn produce(&self, me: &Worker<'_>, producers: usize) {
        for number in (me.number() - 1..self.items).step_by(producers) {
            me.sleep(Duration::from_micros(self.produce.load(Ordering::Relaxed)));
            self.queue.put(Item::Of { producer: me.number(), number });
            self.show_depth();
        }
    }

    /// Takes items until it finds an END marker.
    fn consume(&self, me: &Worker<'_>) {
        loop {
            self.may_take[me.number() - 1].wait(None);
            let item = self.queue.get();
            self.show_depth();
            let Item::Of { producer, number } = item else {
                return self.has_ended[me.number() - 1].store(true, Ordering::Relaxed);
            };
            self.taken.lock().unwrap_or_else(PoisonError::into_inner).push((me.number(), producer, number));
            me.sleep(Duration::from_micros(self.consume.load(Ordering::Relaxed)));
            self.counts.put(Some(1));
        }
    }

    /// The only one that adds, so it needs no lock: whoever wants to add sends a message.
    fn count(&self) -> u64 {
        let mut counted = 0;
        while let Some(count) = self.counts.get() {
            counted += count;
        }
        counted
    }

    /// The depth as a number, and as a bar of LEDs.
    fn show_depth(&self) {
        let depth = self.queue.qsize();
        self.deepest.fetch_max(depth, Ordering::Relaxed);
        self.lesson.value("items on the belt", depth);
        self.show_bar(depth);
    }

    fn show_bar(&self, depth: usize) {
        let mut lit = self.lit.lock().unwrap_or_else(PoisonError::into_inner);
        for (led, line) in self.bar.iter().enumerate() {
            let level = Level::high_if(depth * LEDS >= (led + 1) * self.capacity);
            if std::mem::replace(&mut lit[led], level) != level {
                self.lesson.gpio(*line, level);
            }
        }
    }

    /// What works at any time: the belt's speed, and who may take from it.
    fn obey(&self, asked: &LessonAction) -> Reply {
        match asked.name.as_str() {
            "pause" | "resume" => self.pause(asked.target.trim(), asked.name == "pause"),
            "speed" => self.speed(asked.target.trim()),
            "marker" => Err("an END marker stands after the last item, and the producers are still at work".to_owned()),
            // That is `put`, or a press of the button.
            _ => self.put_one_more(),
        }
    }

    fn pause(&self, target: &str, is_pause: bool) -> Reply {
        let names: Vec<String> = (1..=self.may_take.len()).map(|number| format!("consumer-{number}")).collect();
        let at = names.iter().position(|name| name == target).ok_or_else(|| unknown("consumer", target, &names))?;
        if self.has_ended[at].load(Ordering::Relaxed) {
            return Err(format!("{target} has found an END marker, and has stopped"));
        }
        match (is_pause, self.may_take[at].is_set()) {
            (true, false) => return Err(format!("{target} is paused already")),
            (false, true) => return Err(format!("{target} is at work already")),
            (true, true) => self.may_take[at].clear(),
            (false, false) => self.may_take[at].set(),
        }
        self.lesson.value(target, if is_pause { "paused" } else { "at work" });
        Ok(())
    }

    fn speed(&self, target: &str) -> Reply {
        let (what, text) = target.split_once('=').unwrap_or_default();
        let seconds = text.trim().parse::<f64>().ok().filter(|seconds| (0.0..=0.2).contains(seconds));
        let (pause, seconds) = match (what.trim(), seconds) {
            ("produce", Some(seconds)) => (&self.produce, seconds),
            ("consume", Some(seconds)) => (&self.consume, seconds),
            _ => return Err("it is produce=SECONDS or consume=SECONDS, with 0 to 0.2 seconds".to_owned()),
        };
        pause.store((seconds * 1e6) as u64, Ordering::Relaxed);
        self.lesson.value(format!("{} (s)", what.trim()), seconds);
        Ok(())
    }

    fn put_one_more(&self) -> Reply {
        if self.ends.load(Ordering::Relaxed) >= self.may_take.len() {
            return Err("there is an END marker for each consumer, so that nobody would take it".to_owned());
        }
        let number = self.extra.load(Ordering::Relaxed) + 1;
        if number > MOST_EXTRA {
            return Err(format!("{MOST_EXTRA} more items are enough for one run"));
        }
        let full = |_| "the belt is full, and main must not wait for room".to_owned();
        self.queue.put_for(Item::Of { producer: 0, number }, Duration::ZERO).map_err(full)?;
        self.extra.store(number, Ordering::Relaxed);
        self.show_depth();
        Ok(())
    }

    /// Nobody is paused, and everybody finds an end.
    fn let_all_go(&self) {
        self.may_take.iter().for_each(Event::set);
        for _ in &self.may_take {
            let _ = self.queue.put_for(Item::End, Duration::from_secs(5));
        }
        self.counts.put(None);
    }
}

/// What main does.
struct Hand<'r, 's> {
    main: &'r crate::scenario::lesson::Task<'s>,
    belt: &'r Belt<'s>,
    params: &'r Params,
    /// From then on nobody is paused; later, the missing markers are put.
    deadline: Instant,
}

impl Hand<'_, '_> {
    fn run<'env>(mut self, scope: &Scope<'_, 'env>) -> Result<Seen, LessonError>
    where
        Self: 'env,
    {
        let (belt, consumers, producers) = (self.belt, self.params.count("consumers"), self.params.count("producers"));
        let counter = scope.thread("counter", |_| belt.count())?;
        let takers = scope.threads("consumer", consumers, |me| belt.consume(me))?;
        let makers = scope.threads("producer", producers, move |me| belt.produce(me, producers))?;
        self.main.waiting("the producers", None);
        while makers.alive() > 0 {
            makers.join_for(TICK, |asked| belt.obey(asked))?;
            self.lose_patience();
        }
        let mut orders = Vec::new();
        let markers = self.params.count("ends");
        for _ in 0..markers {
            self.put_end(&mut orders)?;
        }

        // The consumers that find a marker stop. Then look whether more of them do.
        let stop = markers.min(consumers);
        let told = counted(markers, "END marker", "END markers");
        self.main.waiting(&format!("{told} for {}", counted(consumers, "consumer", "consumers")), None);
        while consumers - takers.alive() < stop {
            self.hear(&mut orders)?;
        }
        let look = Instant::now() + LOOK;
        while Instant::now() < look {
            self.hear(&mut orders)?;
        }
        let waiting = takers.alive();
        belt.lesson.value("consumers that wait", waiting);
        belt.lesson.say(&format!("{told}: of {consumers} consumers {} stopped", counted(consumers - waiting, "has", "have")));

        self.deadline = Instant::now() + self.params.seconds("patience");
        self.rescue(&takers, markers, orders)?;
        belt.counts.put(None);
        Ok(Seen {
            items: belt.items + belt.extra.load(Ordering::Relaxed),
            taken: belt.taken.lock().unwrap_or_else(PoisonError::into_inner).clone(),
            counted: counter.join().unwrap_or_default(),
            capacity: belt.capacity,
            deepest: belt.deepest.load(Ordering::Relaxed),
            consumers,
            stop,
            waiting,
            lost: 0,
            not_kept: 0,
        })
    }

    /// Puts one marker for each that is ordered, and for all who still wait when patience is over.
    fn rescue(&self, takers: &Workers<'_, '_, ()>, mut markers: usize, mut orders: Vec<LessonAction>) -> Result<(), LessonError> {
        while takers.alive() > 0 {
            if orders.is_empty() {
                self.hear(&mut orders)?;
            }
            if Instant::now() >= self.deadline && markers < self.belt.may_take.len() {
                orders.push(LessonAction { name: "marker".to_owned(), target: String::new() });
            }
            for asked in std::mem::take(&mut orders) {
                if markers < self.belt.may_take.len() {
                    markers += 1;
                    self.put_end(&mut orders)?;
                } else {
                    self.belt.lesson.refuse(&asked, "there is one for each consumer already");
                }
            }
        }
        Ok(())
    }

    /// main must not wait for room, as it has to hear what you want.
    fn put_end(&self, orders: &mut Vec<LessonAction>) -> Result<(), LessonError> {
        while self.belt.queue.put_for(Item::End, Duration::ZERO).is_err() {
            self.hear(orders)?;
        }
        self.belt.ends.fetch_add(1, Ordering::Relaxed);
        self.belt.show_depth();
        Ok(())
    }

    /// Hears actions for a moment; orders for END markers are kept.
    fn hear(&self, orders: &mut Vec<LessonAction>) -> Result<(), LessonError> {
        match self.belt.lesson.next_action(TICK)? {
            Some(asked) if asked.name == "marker" => orders.push(asked),
            Some(asked) => self.belt.lesson.answer(&asked, &self.belt.obey(&asked)),
            None => {}
        }
        self.lose_patience();
        Ok(())
    }

    fn lose_patience(&self) {
        if Instant::now() >= self.deadline {
            self.belt.may_take.iter().filter(|may_take| !may_take.is_set()).for_each(Event::set);
        }
    }
}

/// A program of its own: its main leaves the items to a thread, which tells of each, and waits for it or does not.
struct Program<'s> {
    lesson: &'s Lesson,
    child: Child<'s>,
    told: PipeReader,
}

impl<'s> Program<'s> {
    fn start(lesson: &'s Lesson, name: &str, waits: bool) -> Result<Self, LessonError> {
        let (told, mut tell) = io::pipe().map_err(LessonError::kernel("make a pipe"))?;
        match lesson.fork(name)? {
            Fork::Child => {
                drop(told);
                let work = move || {
                    for _ in 0..THEIR_ITEMS {
                        thread::sleep(THEIR_PAUSE);
                        let _ = tell.write_all(b".");
                    }
                };
                if let Ok(worker) = thread::Builder::new().name("worker".to_owned()).spawn(work)
                    && waits
                {
                    let _ = worker.join();
                }
                // With main, every other thread ends, wherever it is.
                exit_now(0);
            }
            Fork::Parent(child) => Ok(Self { lesson, child, told }),
        }
    }

    /// Waits for its end, ten seconds at most; gives how many items were done.
    fn count(mut self) -> Result<usize, LessonError> {
        set_nonblocking(&self.told).map_err(LessonError::kernel("read without waiting"))?;
        let deadline = Instant::now() + Duration::from_secs(10);
        while self.child.peek()?.is_none() && Instant::now() < deadline {
            let left = deadline.saturating_duration_since(Instant::now());
            if let Some(asked) = self.lesson.listen(&[self.child.as_fd()], left)? {
                self.lesson.refuse(&asked, TOO_LATE);
            }
        }
        if !self.child.has_ended() {
            self.child.signal(Signal::KILL);
        }
        self.child.reap()?;
        let mut told = Vec::new();
        // The pipe has ended with its writer; what it said is still there.
        self.told.read_to_end(&mut told).map_err(LessonError::kernel("read what a program told"))?;
        Ok(told.len().min(THEIR_ITEMS))
    }
}

/// What was seen of the belt, and of the programs.
#[derive(Debug, Clone, Default)]
struct Seen {
    items: usize,
    taken: Vec<(usize, usize, usize)>,
    counted: u64,
    capacity: usize,
    deepest: usize,
    consumers: usize,
    /// Consumers that the markers can stop, and those that waited all the same.
    stop: usize,
    waiting: usize,
    /// Items that were lost with a thread that nobody waited for, and with one that somebody waited for.
    lost: usize,
    not_kept: usize,
}

fn facts(seen: &Seen) -> Facts {
    let items: BTreeSet<(usize, usize)> = seen.taken.iter().map(|&(_, producer, number)| (producer, number)).collect();
    let mut last = BTreeMap::new();
    let out_of_order = seen.taken.iter().filter(|&&(consumer, producer, number)| {
        last.insert((consumer, producer), number).is_some_and(|before| before >= number)
    });
    let out_of_order = out_of_order.count();
    let taken = if items.len() == seen.taken.len() { items.len() } else { seen.taken.len() };
    vec![
        equals("fifo", "items leave the queue in the order in which they came: items that did not", 0, out_of_order),
        equals("each-once", "each item that was put is taken, and by one consumer only: items", seen.items, taken),
        equals(
            "counter",
            "a counter that is told through a queue is right, without a lock: items that it counted",
            seen.taken.len(),
            seen.counted,
        ),
        at_most(
            "bounded",
            "the queue never holds more than its size, as put() waits then: items, at most",
            seen.capacity as u64,
            seen.deepest as u64,
        ),
        equals(
            "one-each",
            "each END marker stops one consumer: consumers that stopped",
            seen.stop,
            seen.consumers - seen.waiting,
        ),
        equals(
            "left-waiting",
            "a consumer that finds no END marker waits for ever: consumers that wait",
            seen.consumers - seen.stop,
            seen.waiting,
        ),
        more_than(
            "daemon-loses",
            "when main ends, a thread that it does not wait for ends, too: items that are lost",
            0,
            seen.lost as u64,
        ),
        equals("wait-keeps", "when main waits for its thread, nothing is lost: items that are", 0, seen.not_kept),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(change: impl FnOnce(&mut Seen)) -> Vec<String> {
        let mut seen = Seen {
            items: 4,
            taken: vec![(1, 1, 0), (2, 2, 1), (1, 1, 2), (2, 2, 3)],
            counted: 4,
            capacity: 2,
            deepest: 2,
            consumers: 2,
            stop: 1,
            waiting: 1,
            lost: 12,
            not_kept: 0,
        };
        change(&mut seen);
        facts(&seen).into_iter().filter(|fact| !fact.holds).map(|fact| fact.id).collect()
    }

    #[test]
    fn each_fact_can_fail() {
        assert_eq!(failed(|_| ()), [""; 0]);
        assert_eq!(failed(|seen| seen.taken.swap(0, 2)), ["fifo"]);
        assert_eq!(failed(|seen| seen.items = 5), ["each-once"], "one was lost");
        assert_eq!(failed(|seen| seen.taken.push((1, 2, 3))), ["each-once", "counter"], "one was taken twice");
        assert_eq!(failed(|seen| seen.counted = 3), ["counter"]);
        assert_eq!(failed(|seen| seen.deepest = 3), ["bounded"]);
        assert_eq!(failed(|seen| seen.waiting = 0), ["one-each", "left-waiting"], "both stopped");
        assert_eq!(failed(|seen| seen.lost = 0), ["daemon-loses"]);
        assert_eq!(failed(|seen| seen.not_kept = 1), ["wait-keeps"]);
        let nothing = failed(|seen| *seen = Seen { items: 4, consumers: 2, stop: 1, ..Seen::default() });
        assert_eq!(nothing, ["each-once", "one-each", "left-waiting", "daemon-loses"]);
    }
}
