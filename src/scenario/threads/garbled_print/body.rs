//! Two threads, one screen: what they print at the same time is torn, unless a lock keeps each line together (concept 23).

use std::collections::BTreeMap;
use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::model::TaskSort;
use crate::scenario::card::{Facts, Params, equals, more_than};
use crate::scenario::lesson::{Lesson, LessonAction, LessonError, Lock, Worker, too_late};
use crate::sys::queued_bytes;

pub(super) fn run(lesson: &Lesson, params: &Params) -> Result<Facts, LessonError> {
    let main = lesson.task("main", TaskSort::Thread);
    // The screen is a pipe that all writers share.
    let (screen, writing_end) = io::pipe().map_err(LessonError::kernel("make the screen"))?;
    let (writers, lines) = (params.count("writers"), params.count("lines"));
    let print_lock = lesson.lock("print");
    let lock_is_on = AtomicBool::new(params.flag("lock"));
    let start = lesson.barrier("start", writers);

    let came = lesson.scope(|scope| {
        let threads = scope.threads("writer", writers, |writer| {
            let _ = start.wait_for(Duration::from_secs(5));
            for line in 0..lines {
                let out = Out { screen: &writing_end, number: writer.number(), line, pause: params.seconds("pause") };
                // EPIPE: nobody looks at the screen any more.
                if out.print(writer, &print_lock, lock_is_on.load(Ordering::SeqCst)).is_err() {
                    break;
                }
            }
        })?;
        let came = Watch { lesson, lock_is_on: &lock_is_on, came: Vec::new() }.read(screen, writers, lines)?;
        threads.join(too_late)?;
        Ok::<_, LessonError>(came)
    })?;
    main.finish("ok");
    Ok(facts(&came, writers, lines, params.seconds("pause")))
}

/// What writer `number` prints as its line, counted from 0.
fn text(number: usize, line: usize) -> String {
    format!("line {} of writer {number}\n", line + 1)
}

/// One line on its way to the screen.
struct Out<'a> {
    screen: &'a PipeWriter,
    number: usize,
    line: usize,
    pause: Duration,
}

impl Out<'_> {
    fn print(&self, writer: &Worker<'_>, print_lock: &Lock<'_>, locked: bool) -> io::Result<()> {
        if locked {
            let _held = print_lock.held();
            self.write(locked)
        } else {
            writer.lane().running("no lock");
            self.write(locked)
        }
    }

    /// Writes one character at a time, together with its writer, its line, and whether that is locked: four bytes in one
    /// write, which the kernel keeps together. So the reader sees who wrote what, in the order of the writes.
    fn write(&self, locked: bool) -> io::Result<()> {
        for byte in text(self.number, self.line).bytes() {
            let mut screen = self.screen;
            screen.write_all(&[self.number as u8, self.line as u8, u8::from(locked), byte])?;
            std::thread::sleep(self.pause);
        }
        Ok(())
    }
}

/// One character on the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Came {
    writer: usize,
    line: usize,
    locked: bool,
    byte: u8,
}

struct Watch<'a> {
    lesson: &'a Lesson,
    lock_is_on: &'a AtomicBool,
    came: Vec<Came>,
}

impl Watch<'_> {
    /// Reads the screen, and switches the lock, until every line is there. Gives all characters as they came.
    fn read(mut self, mut screen: PipeReader, writers: usize, lines: usize) -> Result<Vec<Came>, LessonError> {
        let (mut finished, mut row, mut record) = (0, Vec::new(), [0; 4]);
        self.show_lock();
        while finished < writers * lines {
            // The first lines come before anybody can switch.
            if finished >= 2 * writers
                && let Some(asked) = self.lesson.listen(&[screen.as_fd()], Duration::from_secs(1))?
            {
                self.obey(&asked);
            }
            if finished >= 2 * writers && queued_bytes(&screen).map_err(LessonError::kernel("look at the screen"))? == 0 {
                continue;
            }
            screen.read_exact(&mut record).map_err(LessonError::kernel("read the screen"))?;
            let [writer, line, locked, byte] = record;
            let came = Came { writer: writer.into(), line: line.into(), locked: locked == 1, byte };
            self.came.push(came);
            row.push(came);
            if byte == b'\n' {
                finished += 1;
                self.show(&std::mem::take(&mut row));
            }
        }
        Ok(self.came)
    }

    fn obey(&self, asked: &LessonAction) {
        let on = match asked.target.trim() {
            "on" => true,
            "off" => false,
            "" => !self.lock_is_on.load(Ordering::SeqCst),
            _ => return self.lesson.refuse(asked, "it is on or off; without a target the lock is switched over"),
        };
        self.lock_is_on.store(on, Ordering::SeqCst);
        self.show_lock();
    }

    fn show_lock(&self) {
        self.lesson.value("lock", if self.lock_is_on.load(Ordering::SeqCst) { "on" } else { "off" });
    }

    /// A line of the screen, and below it who wrote each character.
    fn show(&self, row: &[Came]) {
        let text: String = row.iter().map(|came| char::from(came.byte)).filter(|char| *char != '\n').collect();
        let whose: String = row.iter().map(|came| came.writer.to_string()).collect();
        self.lesson.say(&format!("{text}\n{whose}"));
        self.lesson.value("line", vec![text, whose]);
    }
}

/// How many of the lines that were written with (or without) the lock have another thread's characters in them, and how
/// many there are. With the lock only another locked line counts: who does not ask for a lock is not kept out.
fn torn(came: &[Came], locked: bool) -> (u64, usize) {
    let mut ends: BTreeMap<(usize, usize), (usize, usize)> = BTreeMap::new();
    for (at, one) in came.iter().enumerate().filter(|(_, one)| one.locked == locked) {
        ends.entry((one.writer, one.line)).or_insert((at, at)).1 = at;
    }
    let is_torn = |writer: usize, first: usize, last: usize| {
        came[first..last].iter().any(|other| other.writer != writer && (other.locked || !locked))
    };
    let broken = ends.iter().filter(|((writer, _), (first, last))| is_torn(*writer, *first, *last));
    (broken.count() as u64, ends.len())
}

fn facts(came: &[Came], writers: usize, lines: usize, pause: Duration) -> Facts {
    let meant = |number: usize| (0..lines).flat_map(move |line| text(number, line).into_bytes());
    let in_order = |number: &usize| came.iter().filter(|one| one.writer == *number).map(|one| one.byte).eq(meant(*number));
    let mut facts = vec![
        equals(
            "complete",
            "no character is lost, only the order suffers: characters that came",
            (1..=writers).flat_map(meant).count(),
            came.len(),
        ),
        equals(
            "own-order",
            "each writer's own characters come in their order: writers of which that is so",
            writers,
            (1..=writers).filter(in_order).count(),
        ),
    ];
    let (broken, free) = torn(came, false);
    // Two lines alone, or a gap that is hardly there: chance may keep them whole.
    if free > writers && pause >= Duration::from_millis(1) {
        facts.push(more_than("torn", "without the lock, other threads write in the middle of lines: torn lines", 0, broken));
    }
    let (broken, locked) = torn(came, true);
    if locked > 0 {
        facts.push(equals("whole", "with the lock, no line is torn: torn lines", 0, broken));
    }
    facts
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAUSE: Duration = Duration::from_millis(2);

    fn line(writer: usize, line: usize, locked: bool) -> Vec<Came> {
        text(writer, line).bytes().map(|byte| Came { writer, line, locked, byte }).collect()
    }

    fn failed(came: &[Came]) -> Vec<String> {
        facts(came, 2, 2, PAUSE).into_iter().filter(|fact| !fact.holds).map(|fact| fact.id).collect()
    }

    /// The second line's first half, the first line, the rest of the second.
    fn into_each_other(first: &[Came], second: &[Came]) -> Vec<Came> {
        [&second[..5], first, &second[5..]].concat()
    }

    #[test]
    fn each_fact_can_fail() {
        let torn = [into_each_other(&line(1, 0, false), &line(2, 0, false)), line(1, 1, false), line(2, 1, true)].concat();
        assert_eq!(failed(&torn), [""; 0]);
        assert_eq!(failed(&torn[..torn.len() - 1]), ["complete", "own-order"]);
        let swapped: Vec<_> = torn.iter().rev().copied().collect();
        assert_eq!(failed(&swapped), ["own-order"]);
        let whole = [line(1, 0, false), line(2, 0, false), line(1, 1, false), line(2, 1, true)].concat();
        assert_eq!(failed(&whole), ["torn"]);
        let broken = [line(1, 0, true), line(2, 0, true), into_each_other(&line(1, 1, true), &line(2, 1, true))].concat();
        assert_eq!(failed(&broken), ["whole"]);
    }

    #[test]
    fn a_lock_keeps_out_only_those_who_ask_for_it() {
        let mixed = into_each_other(&line(1, 0, false), &line(2, 0, true));
        assert_eq!(super::torn(&mixed, true), (0, 1));
        assert_eq!(super::torn(&mixed, false), (0, 1), "it stands whole in the middle of the other");
        let mixed = into_each_other(&line(1, 0, true), &line(2, 0, false));
        assert_eq!(super::torn(&mixed, false), (1, 1));
    }
}
