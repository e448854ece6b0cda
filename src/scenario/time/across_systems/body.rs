//! Processes across systems: workers, here or on other machines, fetch tasks from a queue (concept 59).

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::iter::repeat_n;

use crate::model::{ChildSpec, Input, OutputTo};
use crate::scenario::card::Params;
use crate::scenario::lesson::programs::{Program, program};
use crate::scenario::lesson::{Lesson, LessonError};

/// Rust has no manager: a worker is a shell, and what Python sends through a port goes through its pipes. The braces make the shell read
/// all of this before it does anything, so that what it reads then are tasks. It leaves when its input ends.
const WORKER: &str = r#"{
    echo ready
    while read -r first last; do
        primes=$(awk -v first="$first" -v last="$last" 'BEGIN {
            for (n = first; n < last; n++) {
                for (d = 2; d * d <= n && n % d != 0; d++);
                primes += (d * d > n)
            }
            print primes + 0
        }')
        echo "$primes"
    done
    exit
}
"#;

/// A worker's name, what it has to say, and of which task; and the primes that it found.
type Answer = (String, String, u64, u64);

pub(super) fn run(lesson: &Lesson, params: &Params) -> Result<(), LessonError> {
    let (size, give_up) = (params.count("size") as u64 * 1000, params.seconds("give_up"));
    // Nothing instead of a task means that there will be no more.
    let todo = lesson.shown_queue::<Option<u64>>("todo", 0);
    let answers = lesson.shown_queue::<Answer>("answers", 0);

    lesson.scope(|scope| {
        scope.offer(&todo);
        let serve = |host: &str, name: String| -> Result<Program<'_>, LessonError> {
            let mut worker = start(lesson, host, &name)?;
            let (mut tell, mut hear) = (worker.input()?, worker.lines()?);
            let (todo, answers) = (&todo, &answers);
            scope.thread(&name.clone(), move |_| {
                let is_there = tell.write_all(WORKER.as_bytes()).is_ok() && hear.next().is_some();
                while let Some(task) = todo.get().filter(|_| is_there) {
                    answers.put((name.clone(), "has taken".to_owned(), task, 0));
                    let first = 1_000_000 + task * size;
                    let _ = writeln!(tell, "{first} {}", first + size);
                    // A worker that has died says nothing.
                    let Some(primes) = hear.next().and_then(|line| line.parse().ok()) else { return };
                    answers.put((name.clone(), "has done".to_owned(), task, primes));
                }
            })?;
            Ok(worker)
        };
        let mut workers = BTreeMap::new();
        for host in repeat_n("", params.count("local")).chain(params.text("hosts").split_whitespace()) {
            let name = format!("worker-{}", workers.len() + 1);
            workers.insert(name.clone(), serve(host, name)?);
        }

        let mut missing: BTreeSet<u64> = (1..=params.count("tasks") as u64).collect();
        for task in &missing {
            todo.put(Some(*task));
        }
        let (mut found, mut losses) = (BTreeMap::new(), params.count("losses"));
        while !missing.is_empty() {
            let Some((name, what, task, primes)) = answers.get_for(give_up) else {
                let again: Vec<String> = missing.iter().map(u64::to_string).collect();
                lesson.say(&format!("no answer, again: {}", again.join(" ")));
                for task in &missing {
                    todo.put(Some(*task));
                }
                if workers.values_mut().all(|worker| worker.poll().is_ok_and(|status| status.is_some())) {
                    let name = format!("worker-{}", workers.len() + 1);
                    workers.insert(name.clone(), serve("", name)?);
                }
                continue;
            };
            lesson.say(&format!("{name} {what} {task}"));
            if what == "has done" {
                missing.remove(&task);
                found.insert(task, primes);
            } else if losses > 0 && task > 1 {
                losses -= 1;
                lesson.say(&format!("we lose {name}"));
                workers[&name].kill();
            }
        }

        lesson.say(&format!("primes: {}", found.values().sum::<u64>()));
        for worker in workers.values_mut() {
            todo.put(None);
            worker.kill();
            worker.wait()?;
        }
        Ok(())
    })
}

/// Starts a worker on this machine, or through ssh on another one.
fn start<'s>(lesson: &'s Lesson, host: &str, name: &str) -> Result<Program<'s>, LessonError> {
    let words = match host {
        "" => program(["sh"]),
        host => program(["ssh", "-o", "BatchMode=yes", "--", host, "exec sh"]),
    };
    lesson.start(&ChildSpec { name: name.to_owned(), stdin: Input::Pipe, stdout: OutputTo::Pipe, ..words })
}
