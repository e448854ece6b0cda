//! Pipelines: three processes, joined by two pipes (concept 86). The parent only watches; what is done to a stage comes
//! from outside. The body has one thread, or it could not fork.

use std::io::{self, BufRead, BufReader, BufWriter, PipeReader, PipeWriter, Write};
use std::time::{Duration, Instant};

use rustix::stdio::{dup2_stdin, dup2_stdout};

use crate::model::{EventKind, ExitStatus, ProcessState, Signal, TaskSort};
use crate::scenario::card::{Facts, Params};
use crate::scenario::lesson::children::{Child, Fork};
use crate::scenario::lesson::proc::{bytes_moved, bytes_waiting, stat_of};
use crate::scenario::lesson::{Lesson, LessonError};
use crate::scenario::programs::pipeline::watch::{Look, STAGES, facts};
use crate::sys::{default_signal, exit_now};

/// Text to work on.
const TEXT: &str = include_str!("text.md");

pub(super) fn run(lesson: &Lesson, params: &Params) -> Result<Facts, LessonError> {
    let began = Instant::now();
    let main = lesson.task("main", TaskSort::Thread);
    let (first_reader, first_writer) = pipe(lesson, params)?;
    let (second_reader, second_writer) = pipe(lesson, params)?;
    let children = {
        let (mut first, mut second) = ((Some(first_reader), Some(first_writer)), (Some(second_reader), Some(second_writer)));
        let mut children = Vec::new();
        for (number, name) in STAGES.into_iter().enumerate() {
            match lesson.fork(name)? {
                Fork::Child => {
                    let (input, output) = match number {
                        0 => (None, first.1.take()),
                        1 => (first.0.take(), second.1.take()),
                        _ => (second.0.take(), None),
                    };
                    drop((first, second));
                    exit_now(i32::from(work(number, input, output, params.count("block") * 1024).is_err()));
                }
                Fork::Parent(child) => children.push(child),
            }
        }
        children
    };
    main.waiting(&format!("the end of {}", STAGES[2]), Some(STAGES[2]));
    let (looks, ends) = Watch { lesson, children: children.into_iter().map(Some).collect(), looks: Vec::new(), ends: [None; 3] }
        .until_all_have_ended(began + params.seconds("patience"))?;
    main.finish("ok");
    for (name, end) in STAGES.iter().zip(&ends) {
        lesson.say(&format!("{name} {end}"));
    }
    Ok(facts(&looks, &ends))
}

fn pipe(lesson: &Lesson, params: &Params) -> Result<(PipeReader, PipeWriter), LessonError> {
    let (reader, writer) = io::pipe().map_err(LessonError::kernel("make a pipe"))?;
    match rustix::pipe::fcntl_setpipe_size(&writer, params.count("capacity") * 1024) {
        Ok(bytes) => lesson.value("a pipe holds (bytes)", bytes),
        Err(error) => lesson.notice(format!("could not give a pipe that capacity ({error}); it keeps the kernel's default")),
    }
    Ok((reader, writer))
}

/// The work of one stage: between standard input and standard output, as in any program of a pipeline. SIGPIPE has its
/// default action, so that writing to a pipe which nobody reads is the end.
fn work(number: usize, input: Option<PipeReader>, output: Option<PipeWriter>, block: usize) -> io::Result<()> {
    default_signal(Signal::PIPE)?;
    if let Some(input) = input {
        dup2_stdin(&input)?;
    }
    if let Some(output) = output {
        dup2_stdout(&output)?;
    }
    let mut lines = BufReader::with_capacity(block, io::stdin().lock()).split(b'\n');
    let mut output = BufWriter::with_capacity(block, io::stdout().lock());
    match number {
        0 => {
            let words: Vec<&str> = TEXT.split_whitespace().collect();
            for number in 0_usize.. {
                writeln!(output, "{number} {}", words[number % words.len()])?;
            }
        }
        1 => {
            for line in lines {
                let line = line?;
                if line.ends_with(b"e") {
                    output.write_all(&[&line, &b"\n"[..]].concat())?;
                }
            }
        }
        _ => {
            let counted = lines.try_fold(0_u64, |count, line| line.map(|_| count + 1))?;
            writeln!(output, "{counted} lines")?;
        }
    }
    output.flush()
}

/// How often the parent looks at its children.
const EVERY: Duration = Duration::from_millis(20);

struct Watch<'s> {
    lesson: &'s Lesson,
    children: Vec<Option<Child<'s>>>,
    looks: Vec<Look>,
    ends: [Option<ExitStatus>; 3],
}

impl Watch<'_> {
    /// Looks on until the last stage has ended. After the deadline it kills the last lesson, and continues those that
    /// were stopped, since SIGPIPE reaches nobody who sleeps.
    fn until_all_have_ended(mut self, deadline: Instant) -> Result<(Vec<Look>, [ExitStatus; 3]), LessonError> {
        while self.children.iter().any(Option::is_some) {
            if let Some(asked) = self.lesson.next_action(EVERY)? {
                self.lesson.refuse(&asked, "this lesson has no actions of its own: stop, continue or kill a stage");
            }
            if Instant::now() >= deadline {
                for child in self.children.iter().flatten() {
                    child.signal(if child.name() == STAGES[2] { Signal::KILL } else { Signal::CONT });
                }
            }
            self.look();
            self.reap_who_has_ended()?;
        }
        Ok((self.looks, self.ends.map(|end| end.unwrap_or(ExitStatus::Unknown))))
    }

    fn look(&mut self) {
        let seen = |child: &Option<Child<'_>>| child.as_ref().and_then(|child| stat_of(child.pid()).map(|stat| stat.state));
        let moved = |child: &Option<Child<'_>>| child.as_ref().and_then(|child| bytes_moved(child.pid()));
        let look = Look {
            states: std::array::from_fn(|number| seen(&self.children[number])),
            moved: std::array::from_fn(|number| moved(&self.children[number]).map(|(read, written)| read + written)),
        };
        for (number, child) in self.children.iter().enumerate() {
            let Some(child) = child else { continue };
            let before = self.looks.last().and_then(|before| before.states[number]);
            let is_stopped = |state: Option<ProcessState>| state == Some(ProcessState::Stopped);
            if is_stopped(before) != is_stopped(look.states[number])
                && let Some(state) = look.states[number].filter(|state| *state != ProcessState::Zombie)
            {
                self.lesson.report(EventKind::ProcessState { pid: child.pid(), state });
            }
            // Five times a second is enough for the eye.
            if self.looks.len().is_multiple_of(10) && number < 2 {
                let written = moved(&self.children[number]).map(|(_, written)| written);
                for (name, bytes) in [("bytes so far", written), ("bytes waiting", bytes_waiting(child.pid()))] {
                    if let Some(bytes) = bytes {
                        self.lesson.value(format!("{} > {}: {name}", STAGES[number], STAGES[number + 1]), bytes);
                    }
                }
            }
        }
        self.looks.push(look);
    }

    fn reap_who_has_ended(&mut self) -> Result<(), LessonError> {
        for (slot, end) in self.children.iter_mut().zip(&mut self.ends) {
            if let Some(mut child) = slot.take() {
                if child.peek()?.is_some() {
                    *end = Some(child.reap()?.status);
                } else {
                    *slot = Some(child);
                }
            }
        }
        Ok(())
    }
}
