//! Pipes: two ends, both ways, to the end of file; and two writers on one end (concepts 49 and 50).
//! The body has one thread, or it could not fork.

use std::fs::File;
use std::io::{self, BufRead, BufReader, PipeReader, PipeWriter, Write};
use std::net::Shutdown;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, flock};

use crate::model::{ExitStatus, ProcessState, Signal, TaskSort};
use crate::scenario::card::{Facts, Params, equals, more_than};
use crate::scenario::lesson::children::{Child, Fork};
use crate::scenario::lesson::proc::stat_of;
use crate::scenario::lesson::programs::{Folder, read_what_is_there};
use crate::scenario::lesson::{Lesson, LessonAction, LessonError, Task};
use crate::sys::{exit_now, queued_bytes, set_nonblocking};

/// A write of no more than this is whole (pipe(7)).
const PIPE_BUF: usize = 4096;
/// After this long the writers are killed; only one that somebody has stopped takes so long.
const PATIENCE: Duration = Duration::from_secs(20);
/// Why nothing can be said to the echo.
const CLOSED: &str = "our end of the echo's pipe is closed";
/// Rounds that one run may have, so that it ends.
const MOST_ROUNDS: usize = 10;

pub(super) fn run(lesson: &Lesson, params: &Params) -> Result<Facts, LessonError> {
    let main = lesson.task("main", TaskSort::Thread);
    let folder = Folder::make("pipe")?;
    let lock = folder.write("lock", b"")?;
    let mut body = Body { lesson, main, locked: vec![false, true] };
    let echo = body.talk(Instant::now() + params.seconds("patience"))?;
    let mut rounds = Vec::new();
    while let Some(&with_lock) = body.locked.get(rounds.len()) {
        let end = Instant::now() + params.seconds("pause");
        while body.hear(&[], end)?.is_some() || Instant::now() < end {}
        rounds.push(body.round(params, rounds.len() + 1, with_lock.then_some(lock.as_path()))?);
    }
    body.main.finish("ok");
    Ok(facts(params.count("records"), params.count("size") * 1000, rustix::param::page_size(), &echo, &rounds))
}

struct Body<'s> {
    lesson: &'s Lesson,
    main: Task<'s>,
    /// Whether the writers of each round, done or to come, use the lock.
    locked: Vec<bool>,
}

/// What was said through the pipe with two ends.
#[derive(Debug, Clone)]
struct Echo {
    sent: Vec<String>,
    answers: Vec<String>,
    ended: ExitStatus,
}

/// What arrived in one round of the two writers.
#[derive(Debug, Clone)]
struct Round {
    with_lock: bool,
    bytes: usize,
    whole: usize,
    ended: [ExitStatus; 2],
}

impl Body<'_> {
    /// Hears one action until then, or until one of these has something. A round that is asked for is noted here.
    fn hear(&mut self, others: &[&dyn AsFd], until: Instant) -> Result<Option<LessonAction>, LessonError> {
        let others: Vec<_> = others.iter().map(|other| other.as_fd()).collect();
        let asked = self.lesson.listen(&others, until.saturating_duration_since(Instant::now()))?;
        if let Some(asked) = &asked {
            match (asked.name.as_str(), asked.target.trim()) {
                ("lock", "on" | "off") if self.locked.len() >= MOST_ROUNDS => {
                    self.lesson.refuse(asked, &format!("{MOST_ROUNDS} rounds are enough for one run"));
                }
                ("lock", word @ ("on" | "off")) => self.locked.push(word == "on"),
                ("lock", _) => self.lesson.refuse(asked, "it is on, with the lock, or off"),
                // Whoever talks to the echo sees to these.
                _ if !others.is_empty() => {}
                _ => self.lesson.refuse(asked, CLOSED),
            }
        }
        Ok(asked)
    }

    /// Sends what is asked to a process that answers, until our end is closed.
    fn talk(&mut self, deadline: Instant) -> Result<Echo, LessonError> {
        let (ours, theirs) = UnixStream::pair().map_err(LessonError::kernel("make a pipe with two ends"))?;
        let child = match self.lesson.fork("echo")? {
            Fork::Child => {
                // As long as it held a copy of our end, it would never find the end of file.
                drop(ours);
                exit_now(i32::from(answer_all(&theirs).is_err()));
            }
            Fork::Parent(child) => child,
        };
        drop(theirs);
        set_nonblocking(&ours).map_err(LessonError::kernel("set up a pipe"))?;
        let (mut sent, mut answers, mut reader) = (Vec::new(), Vec::new(), BufReader::new(&ours));
        let (mut is_open, mut answer, mut patience) = (true, String::new(), deadline);
        loop {
            self.main.waiting("recv()", Some("echo"));
            let asked = self.hear(&[&ours], patience)?;
            match asked {
                Some(asked) if asked.name == "send" && is_open => {
                    if (&ours).write_all(format!("{}\n", asked.target.replace('\n', " ")).as_bytes()).is_ok() {
                        sent.push(asked.target.replace('\n', " "));
                    } else {
                        self.lesson.refuse(&asked, "the echo reads nothing any more");
                    }
                }
                Some(asked) if asked.name != "lock" && !is_open => self.lesson.refuse(&asked, CLOSED),
                Some(asked) if asked.name == "close" => patience = Instant::now(),
                _ => {}
            }
            if is_open && Instant::now() >= patience {
                // Sending is over; what the other side still has to say is received.
                let _ = ours.shutdown(Shutdown::Write);
                is_open = false;
                patience = Instant::now() + PATIENCE;
            } else if Instant::now() >= patience {
                child.signal(Signal::KILL);
                patience = Instant::now() + PATIENCE;
            }
            loop {
                match reader.read_line(&mut answer) {
                    Ok(0) => return Ok(Echo { sent, answers, ended: child.reap()?.status }),
                    Ok(_) => {
                        let answer = std::mem::take(&mut answer).trim_end_matches('\n').to_owned();
                        self.lesson.say(&format!("received {answer:?}"));
                        self.lesson.value("received", answer.as_str());
                        answers.push(answer);
                    }
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                    Err(_) => return Ok(Echo { sent, answers, ended: child.reap()?.status }),
                }
            }
        }
    }

    /// Lets two processes write their records to one pipe, and looks which of them arrive whole.
    fn round(&mut self, params: &Params, number: usize, lock: Option<&Path>) -> Result<Round, LessonError> {
        let (mut reader, writer) = io::pipe().map_err(LessonError::kernel("make a pipe"))?;
        // As small as it gets, so that a long record never fits.
        if let Err(error) = rustix::pipe::fcntl_setpipe_size(&writer, PIPE_BUF) {
            self.lesson.notice(format!("could not make the pipe small ({error}); it keeps the kernel's default"));
        }
        let (records, length) = (params.count("records"), params.count("size") * 1000);
        let names = ["a", "b"].map(|letter| format!("writer-{letter}{number}"));
        let mut writers = Vec::new();
        for (name, letter) in names.iter().zip([b'a', b'b']) {
            match self.lesson.fork(name)? {
                Fork::Child => {
                    drop(reader);
                    let other = &names[usize::from(letter == b'a')];
                    exit_now(i32::from(
                        write_records(self.lesson, [name, other], letter, records, length, lock, writer).is_err(),
                    ));
                }
                Fork::Parent(child) => writers.push(child),
            }
        }
        drop(writer);
        self.main.waiting("the writers", None);
        self.until_both_wait(&reader, &writers)?;
        let bytes = self.collect(&mut reader, &writers)?;
        drop(reader);
        let whole = whole_records(&bytes, length);
        self.lesson.value(format!("round {number}: torn records"), (2 * records).saturating_sub(whole));
        let how = if lock.is_some() { "with the lock" } else { "without a lock" };
        self.lesson.say(&format!("{how} {whole} of {} records arrived whole; it begins with {}", 2 * records, mixture(&bytes)));
        let mut ended = [ExitStatus::Unknown; 2];
        for (end, writer) in ended.iter_mut().zip(writers) {
            *end = writer.reap()?.status;
        }
        Ok(Round { with_lock: lock.is_some(), bytes: bytes.len(), whole, ended })
    }

    /// Nothing is read before both writers sleep, each in the middle of its first record or at the lock.
    fn until_both_wait(&mut self, reader: &PipeReader, writers: &[Child<'_>]) -> Result<(), LessonError> {
        let (end, mut asleep) = (Instant::now() + Duration::from_secs(10), 0);
        while asleep < 5 && Instant::now() < end {
            // Or was stopped, or killed, by somebody who must not hold this up.
            let sleeps = |child: &Child<'_>| stat_of(child.pid()).is_none_or(|stat| stat.state != ProcessState::Running);
            asleep = if queued_bytes(reader).unwrap_or(0) > 0 && writers.iter().all(sleeps) { asleep + 1 } else { 0 };
            self.hear(&[], Instant::now() + Duration::from_millis(1))?;
        }
        Ok(())
    }

    /// Reads to the end of file, which comes when the last writer has gone.
    fn collect(&mut self, reader: &mut PipeReader, writers: &[Child<'_>]) -> Result<Vec<u8>, LessonError> {
        set_nonblocking(&*reader).map_err(LessonError::kernel("set up a pipe"))?;
        let (mut bytes, deadline) = (Vec::new(), Instant::now() + PATIENCE);
        while read_what_is_there(reader, &mut bytes) {
            let next = if Instant::now() < deadline { deadline } else { Instant::now() + Duration::from_millis(20) };
            // The echo has gone; what is meant for it is refused.
            if let Some(asked) = self.hear(&[&*reader], next)?.filter(|asked| asked.name != "lock") {
                self.lesson.refuse(&asked, CLOSED);
            }
            if Instant::now() >= deadline {
                for writer in writers {
                    writer.signal(Signal::KILL);
                }
            }
        }
        Ok(bytes)
    }
}

/// The other side: answers in capitals until the end of file.
fn answer_all(pipe: &UnixStream) -> io::Result<()> {
    for line in BufReader::new(pipe).lines() {
        (&*pipe).write_all(format!("{}\n", line?.to_uppercase()).as_bytes())?;
    }
    Ok(())
}

/// A writer: one record after the other, each in one write, which is long enough to be interrupted.
fn write_records(
    lesson: &Lesson,
    [name, other]: [&String; 2],
    letter: u8,
    records: usize,
    length: usize,
    lock: Option<&Path>,
    mut pipe: PipeWriter,
) -> io::Result<()> {
    let lane = lesson.task(name.as_str(), TaskSort::Process);
    // Opened anew in each writer, as flock(2) knows open files, not processes. The kernel releases it when one dies.
    let lock = lock.map(File::open).transpose()?;
    let mut record = vec![letter; length];
    (record[0], record[length - 1]) = (b'<', b'>');
    for number in 1..=records {
        if let Some(lock) = &lock {
            lane.waiting("lock", Some(other));
            flock(lock, FlockOperation::LockExclusive)?;
        }
        lane.running(&format!("record {number}"));
        pipe.write_all(&record)?;
        if let Some(lock) = &lock {
            flock(lock, FlockOperation::Unlock)?;
        }
    }
    lane.finish("ok");
    Ok(())
}

/// How many records are there from < to >, of the right length and of one letter.
fn whole_records(bytes: &[u8], length: usize) -> usize {
    let text = String::from_utf8_lossy(bytes);
    let records = ["a", "b"].map(|letter| format!("<{}>", letter.repeat(length - 2)));
    text.match_indices('<').filter(|(start, _)| records.iter().any(|record| text[*start..].starts_with(record.as_str()))).count()
}

/// The first bytes in short: `a 4096, b 4096, a 4096`.
fn mixture(bytes: &[u8]) -> String {
    let letters: Vec<u8> = bytes.iter().take(500_000).copied().filter(u8::is_ascii_lowercase).collect();
    let runs = letters.chunk_by(|a, b| a == b).take(4).map(|run| format!("{} {}", char::from(run[0]), run.len()));
    runs.collect::<Vec<_>>().join(", ")
}

/// Claimed only of what was put to the test: a writer that was killed has left no whole record behind.
fn facts(records: usize, length: usize, page: usize, echo: &Echo, rounds: &[Round]) -> Facts {
    let answers: Vec<String> = echo.sent.iter().map(|text| text.to_uppercase()).collect();
    let undisturbed = || rounds.iter().filter(|round| round.ended == [ExitStatus::Exited(0); 2]);
    let torn = |with_lock: bool| {
        let of_this_kind = undisturbed().filter(|round| round.with_lock == with_lock);
        of_this_kind.map(|round| (2 * records).saturating_sub(round.whole) as u64).collect::<Vec<_>>()
    };
    let mut facts = vec![
        equals("both-ways", "each end sends and receives: answers to what was sent", answers, echo.answers.clone()),
        equals(
            "end-of-file",
            "when our end was closed, the other found the end of file, and left",
            "exited 0",
            echo.ended.to_string(),
        ),
    ];
    if let Some(most) = torn(false).into_iter().max() {
        if length <= PIPE_BUF {
            facts.push(equals(
                "whole",
                "no write of PIPE_BUF bytes or less is torn, without a lock as well: torn records",
                0,
                most,
            ));
        } else if length > page {
            facts.push(more_than(
                "torn",
                "two writers on one end, without a lock, tear each other's long records: torn records",
                0,
                most,
            ));
        }
    }
    if let Some(most) = torn(true).into_iter().max() {
        facts.push(equals("locked", "with a lock around each record none is torn: torn records", 0, most));
    }
    let (sent, came) = (undisturbed().count() * 2 * records * length, undisturbed().map(|round| round.bytes).sum::<usize>());
    facts.push(equals("nothing-lost", "torn or not, every byte arrives: bytes", sent, came));
    facts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(echo: &Echo, without: [usize; 2], with: [usize; 2], length: usize) -> Vec<String> {
        let round = |with_lock, [bytes, whole]: [usize; 2]| Round { with_lock, bytes, whole, ended: [ExitStatus::Exited(0); 2] };
        let facts = facts(10, length, 16384, echo, &[round(false, without), round(true, with)]);
        facts.into_iter().filter(|fact| !fact.holds).map(|fact| fact.id).collect()
    }

    fn echo(answer: &str, ended: ExitStatus) -> Echo {
        Echo { sent: vec!["hi".to_owned()], answers: vec![answer.to_owned()], ended }
    }

    #[test]
    fn each_fact_can_fail() {
        let good = echo("HI", ExitStatus::Exited(0));
        assert_eq!(failed(&good, [400_000, 3], [400_000, 20], 20_000), [""; 0]);
        assert_eq!(failed(&good, [400_000, 20], [400_000, 20], 20_000), ["torn"]);
        assert_eq!(failed(&good, [400_000, 3], [400_000, 19], 20_000), ["locked"]);
        assert_eq!(failed(&good, [400_000, 3], [399_999, 20], 20_000), ["nothing-lost"]);
        assert_eq!(failed(&good, [80_000, 19], [80_000, 20], 4_000), ["whole"]);
        assert_eq!(failed(&good, [100_000, 20], [100_000, 20], 5_000), [""; 0], "a kernel's page may be larger than PIPE_BUF");
        let bad = echo("hi", ExitStatus::Exited(1));
        assert_eq!(failed(&bad, [400_000, 3], [400_000, 20], 20_000), ["both-ways", "end-of-file"]);
    }

    #[test]
    fn a_round_with_a_killed_writer_claims_nothing() {
        let killed = ExitStatus::Signaled { signal: Signal::KILL, core_dumped: false };
        let round = Round { with_lock: true, bytes: 7, whole: 0, ended: [ExitStatus::Exited(0), killed] };
        let facts = facts(10, 20_000, 4096, &echo("HI", ExitStatus::Exited(0)), &[round]);
        assert!(facts.iter().all(|fact| fact.holds && fact.id != "locked"), "{facts:?}");
    }

    #[test]
    fn only_records_of_one_letter_are_whole() {
        assert_eq!(whole_records(b"<aaa><bbb>", 5), 2);
        assert_eq!(whole_records(b"<aa<bbb>a>", 5), 1, "one in the middle of another");
        assert_eq!(whole_records(b"<aab><bbb", 5), 0);
        assert_eq!(mixture(b"<aaa<bba>b>"), "a 3, b 2, a 1, b 1");
    }
}
