//! The LEDs of a lesson: how many of each bar are lit, folded from the events of the run by the rules of the card. Pure.

use std::collections::{HashMap, HashSet};

use serde_json::Value;

use crate::model::{Event, EventKind, Level, LineIntent, Pid, TaskSort, TaskState};
use crate::scenario::{Leds, Shows};

/// The LEDs of one run.
#[derive(Debug)]
pub(crate) struct RunLeds(Vec<Bar>);

#[derive(Debug)]
struct Bar {
    leds: &'static Leds,
    /// The tasks that count.
    tasks: HashSet<String>,
    /// Processes whose end counts.
    processes: HashMap<Pid, String>,
    /// The number, where no tasks are counted.
    number: u64,
    lit: usize,
}

impl RunLeds {
    /// All are dark.
    pub(crate) fn new(leds: &'static [Leds]) -> Self {
        Self(leds.iter().map(Bar::new).collect())
    }

    /// Takes in the next event, and gives what is to be done with the lines.
    pub(crate) fn see(&mut self, event: &Event) -> Vec<LineIntent> {
        self.0.iter_mut().flat_map(|bar| bar.see(event)).collect()
    }
}

impl Bar {
    fn new(leds: &'static Leds) -> Self {
        Self { leds, tasks: HashSet::new(), processes: HashMap::new(), number: 0, lit: 0 }
    }

    fn see(&mut self, event: &Event) -> Vec<LineIntent> {
        self.count(&event.kind);
        let now = self.number.max(self.tasks.len() as u64).min(self.leds.lines.len() as u64) as usize;
        let (low, high) = (self.lit.min(now), self.lit.max(now));
        let level = Level::high_if(now > self.lit);
        self.lit = now;
        self.leds.lines[low..high].iter().map(|line| LineIntent::Drive(*line, level)).collect()
    }

    fn count(&mut self, kind: &EventKind) {
        match (self.leds.shows, kind) {
            (Shows::Holding(thing), EventKind::TaskChanged { task, state, on, .. }) => match state {
                TaskState::Running if on.as_deref() == Some(thing) => self.add(task),
                // It keeps what it holds while it waits for something else.
                TaskState::Waiting | TaskState::Sleeping => {}
                _ => self.remove(task),
            },
            (Shows::WaitingAt(thing), EventKind::TaskChanged { task, state, on, .. }) => {
                if *state == TaskState::Waiting && on.as_deref() == Some(thing) { self.add(task) } else { self.remove(task) }
            }
            (Shows::Running(name), EventKind::TaskStarted { task, .. }) if task == name => self.add(task),
            (Shows::Running(name), EventKind::TaskChanged { task, state, .. }) if task == name => {
                if *state == TaskState::Running { self.add(task) } else { self.remove(task) }
            }
            (Shows::Started(prefix), EventKind::TaskStarted { task, tid: Some(_), .. }) if task.starts_with(prefix) => {
                self.add(task);
            }
            (Shows::Alive(prefix), EventKind::TaskStarted { task, sort: TaskSort::Process, pid, .. })
                if task.starts_with(prefix) =>
            {
                self.processes.insert(*pid, task.clone());
                self.add(task);
            }
            // One that was killed has not said that it is at its end.
            (Shows::Alive(_), EventKind::ProcessExited { pid, .. }) => {
                if let Some(task) = self.processes.remove(pid) {
                    self.remove(&task);
                }
            }
            (Shows::RunningLike(name), EventKind::TaskChanged { task, state, .. }) if task.starts_with(name) => {
                if *state == TaskState::Running { self.add(task) } else { self.remove(task) }
            }
            (Shows::SleepingLike(name), EventKind::TaskChanged { task, state, .. }) if task.contains(name) => {
                if *state == TaskState::Sleeping { self.add(task) } else { self.remove(task) }
            }
            (Shows::Event(name), EventKind::TaskChanged { task, state: TaskState::Running, .. }) if is_one_of(task, name) => {
                self.add(task);
            }
            (
                Shows::Holding(_)
                | Shows::WaitingAt(_)
                | Shows::Running(_)
                | Shows::RunningLike(_)
                | Shows::SleepingLike(_)
                | Shows::Alive(_)
                | Shows::Event(_)
                | Shows::Started(_),
                EventKind::TaskFinished { task, .. },
            ) => self.remove(task),
            (Shows::Program(program), EventKind::ProcessStarted { pid, name, .. }) if name == program => {
                self.add(&pid.to_string());
            }
            (Shows::Program(_), EventKind::ProcessExited { pid, .. }) => self.remove(&pid.to_string()),
            (Shows::Set(thing), EventKind::Operation { action, on, .. }) if on.as_deref() == Some(thing) => match action.as_str()
            {
                "set" => self.number = 1,
                "clear" => self.number = 0,
                _ => {}
            },
            // What a person does is no operation of a task.
            (Shows::Set(thing), EventKind::Action { action, .. }) if action.target() == thing => match &*action.word() {
                "set" => self.number = 1,
                "clear" => self.number = 0,
                _ => {}
            },
            (Shows::ItemsIn(thing), EventKind::Operation { action, on, result, .. }) if on.as_deref() == Some(thing) => {
                // An operation that failed gives the name of an exception: the queue was full, or empty.
                let has_failed = matches!(result, Some(Value::String(text)) if text == "Full" || text == "Empty");
                match action.as_str() {
                    "put" | "put_nowait" if !has_failed => self.number += 1,
                    "get" | "get_nowait" if !has_failed => self.number = self.number.saturating_sub(1),
                    _ => {}
                }
            }
            (Shows::Value(name), EventKind::Value { name: told, value }) if told == name => {
                self.number = value.as_u64().unwrap_or_else(|| u64::from(value.as_bool() == Some(true)));
            }
            _ => {}
        }
    }

    fn add(&mut self, task: &str) {
        if !self.tasks.contains(task) {
            self.tasks.insert(task.to_owned());
        }
    }

    fn remove(&mut self, task: &str) {
        self.tasks.remove(task);
    }
}

/// Whether a task has this name, or this name with a number.
fn is_one_of(task: &str, name: &str) -> bool {
    let number = |rest: &str| rest.strip_prefix('-').is_some_and(|number| number.parse::<u32>().is_ok());
    task.strip_prefix(name).is_some_and(|rest| rest.is_empty() || number(rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Line, Monotonic};
    use crate::scenario::{bar, led};

    const LED: &[Line; 1] = &[Line::gpio(17)];

    /// The levels that these lines lead to, by the numbers of the lines of the header.
    fn driven(leds: &'static [Leds], lines: &[&str]) -> Vec<Vec<(Line, bool)>> {
        let mut all = RunLeds::new(leds);
        let mut see = |line: &&str| {
            let event = Event::from_line(line.as_bytes(), Monotonic::ZERO).expect("a line").expect("known");
            let level =
                |intent| if let LineIntent::Drive(line, level) = intent { (line, level == Level::High) } else { unreachable!() };
            all.see(&event).into_iter().map(level).collect()
        };
        lines.iter().map(&mut see).collect()
    }

    fn state(task: &str, rest: &str) -> String {
        format!(r#"{{"t":1,"kind":"task.state","task":"{task}",{rest}}}"#)
    }

    #[test]
    fn a_bar_shows_how_many_wait() {
        static LEDS: &[Leds] = &[bar().shows(Shows::WaitingAt("barrier gate"))];
        let waits = |task| state(task, r#""state":"waiting","on":"barrier gate""#);
        let lines = [waits("a"), waits("b"), waits("b"), state("a", r#""state":"running""#)];
        let ends = r#"{"t":1,"kind":"task.finished","task":"b","result":"ok"}"#;
        let lines: Vec<&str> = lines.iter().map(String::as_str).chain([ends]).collect();
        let [first, second] = [17, 27].map(Line::gpio);
        assert_eq!(
            driven(LEDS, &lines),
            [vec![(first, true)], vec![(second, true)], vec![], vec![(second, false)], vec![(first, false)]]
        );
    }

    #[test]
    fn tasks_are_counted_by_what_their_names_have_in_common() {
        static LEDS: &[Leds] =
            &[led(LED).shows(Shows::RunningLike("task-")), led(&[Line::gpio(27)]).shows(Shows::SleepingLike("Worker-"))];
        let [runs, sleeps] = ["running", "sleeping"].map(|word| format!(r#""state":"{word}""#));
        let lines = [
            state("task-1", &runs),
            state("other-task-1", &runs),
            state("task-2", &runs),
            state("ForkWorker-1", &sleeps),
            state("ForkWorker-1", &runs),
            r#"{"t":1,"kind":"task.finished","task":"task-1","result":"ok"}"#.to_owned(),
            r#"{"t":1,"kind":"task.finished","task":"task-2","result":"ok"}"#.to_owned(),
        ];
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        let [first, second] = [17, 27].map(Line::gpio);
        assert_eq!(
            driven(LEDS, &lines),
            [vec![(first, true)], vec![], vec![], vec![(second, true)], vec![(second, false)], vec![], vec![(first, false)]]
        );
    }

    #[test]
    fn a_lock_is_held_while_its_holder_waits_for_another_one() {
        static LEDS: &[Leds] = &[led(LED).shows(Shows::Holding("lock left"))];
        let lines = [
            state("a", r#""state":"running","on":"lock left""#),
            state("a", r#""state":"waiting","on":"lock right""#),
            state("b", r#""state":"waiting","on":"lock left""#),
            state("a", r#""state":"running","on":"lock right""#),
        ];
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        assert_eq!(driven(LEDS, &lines), [vec![(LED[0], true)], vec![], vec![], vec![(LED[0], false)]]);
    }

    #[test]
    fn a_thread_counts_from_its_start_to_its_end() {
        static LEDS: &[Leds] = &[led(LED).shows(Shows::Started("worker-"))];
        let starts = |rest: &str| format!(r#"{{"t":1,"kind":"task.started","pid":1,"task":"worker-1","sort":"thread"{rest}}}"#);
        let ends = r#"{"t":1,"kind":"task.finished","task":"worker-1","result":"ok"}"#;
        let lines = [starts(""), starts(r#","tid":5"#), state("worker-1", r#""state":"sleeping""#)];
        let lines: Vec<&str> = lines.iter().map(String::as_str).chain([ends]).collect();
        assert_eq!(driven(LEDS, &lines), [vec![], vec![(LED[0], true)], vec![], vec![(LED[0], false)]]);
    }

    #[test]
    fn a_process_is_alive_until_it_says_its_last_word_or_is_killed() {
        static LEDS: &[Leds] = &[bar().shows(Shows::Alive("child-"))];
        let starts = |name: &str, pid: i32| {
            format!(r#"{{"t":1,"kind":"task.started","pid":{pid},"task":"{name}","sort":"process","tid":{pid}}}"#)
        };
        let lines = [
            starts("child-1", 11),
            starts("child-2", 12),
            starts("other", 13),
            r#"{"t":1,"kind":"task.finished","task":"child-1","result":"exit 3"}"#.to_owned(),
            r#"{"t":1,"kind":"process.exited","pid":11,"code":3}"#.to_owned(),
            r#"{"t":1,"kind":"process.exited","pid":12,"signal":"SIGKILL","core":false}"#.to_owned(),
        ];
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        let [first, second] = [17, 27].map(Line::gpio);
        assert_eq!(
            driven(LEDS, &lines),
            [vec![(first, true)], vec![(second, true)], vec![], vec![(second, false)], vec![], vec![(first, false)]]
        );
    }

    #[test]
    fn an_event_counts_while_it_is_done() {
        static LEDS: &[Leds] = &[led(LED).shows(Shows::Event("blink"))];
        let runs = |task| state(task, r#""state":"running","on":"main""#);
        let ends = r#"{"t":1,"kind":"task.finished","task":"blink-2","result":"ok"}"#;
        let lines = [runs("blinker"), runs("blink-2")];
        let lines: Vec<&str> = lines.iter().map(String::as_str).chain([ends]).collect();
        assert_eq!(driven(LEDS, &lines), [vec![], vec![(LED[0], true)], vec![(LED[0], false)]]);
    }

    #[test]
    fn a_program_counts_until_it_ends() {
        static LEDS: &[Leds] = &[led(LED).shows(Shows::Program("wc"))];
        let starts = |pid: i32, name: &str| {
            format!(r#"{{"t":1,"kind":"process.started","pid":{pid},"ppid":1,"pgid":1,"sid":1,"name":"{name}","argv":[]}}"#)
        };
        let ends = |pid: i32| format!(r#"{{"t":1,"kind":"process.exited","pid":{pid},"code":0}}"#);
        let lines = [starts(5, "tr"), starts(6, "wc"), ends(5), ends(6)];
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        assert_eq!(driven(LEDS, &lines), [vec![], vec![(LED[0], true)], vec![], vec![(LED[0], false)]]);
    }

    #[expect(clippy::items_after_statements, reason = "each rule stands beside what it is for")]
    #[test]
    fn flags_queues_tasks_and_values_have_numbers_too() {
        let op = |action: &str, on: &str, result: &str| {
            format!(r#"{{"t":1,"kind":"op","task":"a","do":"{action}","on":"{on}","result":{result}}}"#)
        };
        let levels = |leds, lines: &[String]| {
            let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
            driven(leds, &lines).into_iter().map(|intents| intents.last().map(|(_, is_high)| *is_high)).collect::<Vec<_>>()
        };
        let go = "event go";
        static SET: &[Leds] = &[led(LED).shows(Shows::Set("event go"))];
        assert_eq!(
            levels(SET, &[op("set", go, "null"), op("wait", go, "true"), op("clear", go, "null"), op("set", "event no", "null")]),
            [Some(true), None, Some(false), None]
        );
        let act = |action: &str| format!(r#"{{"t":1,"kind":"action","do":"{action}","target":"event go","by":"you"}}"#);
        assert_eq!(levels(SET, &[act("set"), act("clear")]), [Some(true), Some(false)]);
        let belt = "queue belt";
        static ITEMS: &[Leds] = &[led(LED).shows(Shows::ItemsIn("queue belt"))];
        assert_eq!(
            levels(
                ITEMS,
                &[op("put", belt, "\"Full\""), op("put", belt, "1"), op("get", belt, "1"), op("get", belt, "\"Empty\"")]
            ),
            [None, Some(true), Some(false), None]
        );
        static VALUE: &[Leds] = &[led(LED).shows(Shows::Value("lit"))];
        let value = |value: &str| format!(r#"{{"t":1,"kind":"value","name":"lit","value":{value}}}"#);
        assert_eq!(
            levels(VALUE, &[value("true"), value("0"), value("3"), value("-1")]),
            [Some(true), Some(false), Some(true), Some(false)]
        );
        static RUNS: &[Leds] = &[led(LED).shows(Shows::Running("a"))];
        let started = r#"{"t":1,"kind":"task.started","task":"a","sort":"thread","pid":1,"tid":2}"#.to_owned();
        assert_eq!(levels(RUNS, &[started, state("a", r#""state":"sleeping""#)]), [Some(true), Some(false)]);
    }
}
