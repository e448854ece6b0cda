//! Talking to a program: lines to its standard input, its answer, and what it costs to keep it all (concepts 82 to 85).

use std::io::{BufRead, ErrorKind, Read, Write};
use std::os::fd::AsFd;
use std::path::Path;
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::model::{ChildSpec, ExitStatus, Input, Signal, TaskSort};
use crate::scenario::card::{Facts, Params, at_most, equals, more_than};
use crate::scenario::lesson::proc::stat_of;
use crate::scenario::lesson::programs::{Folder, read_what_is_there};
use crate::scenario::lesson::{Lesson, LessonError};
use crate::sys::{own_pid, set_nonblocking};

/// Text to work on.
const TEXT: &str = include_str!("text.md");

/// After this long a program is killed; only one that somebody has stopped takes so long.
const PATIENCE: Duration = Duration::from_secs(20);
/// Why nothing can be said to the program.
const CLOSED: &str = "the program's standard input is closed";
const MIB: usize = 1024 * 1024;

pub(super) fn run(lesson: &Lesson, params: &Params) -> Result<Facts, LessonError> {
    let main = lesson.task("main", TaskSort::Thread);
    main.waiting("you: a line to send, or the end", Some(params.text("program")));
    let talk = talk(lesson, params)?;

    let folder = Folder::make("communicate")?;
    let file = folder.write("much.gz", &packed(params.count("mebibytes"))?)?;
    main.running("for line in stdout");
    let by_line = unpack(lesson, &file, false)?;
    main.running("communicate()");
    let all_at_once = unpack(lesson, &file, true)?;
    main.finish("ok");
    Ok(facts(params.text("program"), params.count("mebibytes") as u64, &talk, &by_line, &all_at_once))
}

/// What was said to the program, and what it said.
#[derive(Debug, Clone)]
struct Talk {
    sent: Vec<String>,
    /// Bytes that had come back when its standard input was closed.
    before_the_end: usize,
    lines: Vec<String>,
    /// Bytes on its standard error.
    error_bytes: Option<usize>,
    ended: ExitStatus,
}

/// Sends what is asked until somebody closes, the program ends, or patience does.
fn talk(lesson: &Lesson, params: &Params) -> Result<Talk, LessonError> {
    let deadline = Instant::now() + params.seconds("patience");
    let spec =
        ChildSpec { stdin: Input::Pipe, env: vec![("LC_ALL".into(), "C".into())], ..ChildSpec::new([params.text("program")]) };
    let mut program = lesson.start(&spec)?;
    let (Some(mut stdin), Some(mut stdout)) = (program.stdin.take(), program.stdout.take()) else {
        return Err(LessonError::kernel("get two pipes")(std::io::Error::other("there is none")));
    };
    // A program that was stopped reads nothing, and its pipe may fill: then a line is refused.
    for end in [stdin.as_fd(), stdout.as_fd()] {
        set_nonblocking(end).map_err(LessonError::kernel("set up a pipe"))?;
    }
    let (mut sent, mut came) = (Vec::new(), Vec::new());
    while Instant::now() < deadline {
        let left = deadline.saturating_duration_since(Instant::now());
        let asked = lesson.listen(&[stdout.as_fd()], left)?;
        let said = came.len();
        if !read_what_is_there(&mut stdout, &mut came) {
            break;
        }
        if came.len() > said {
            lesson.say(&format!("it says {:?}", String::from_utf8_lossy(&came[said..])));
        }
        match asked {
            Some(asked) if asked.name == "close" => break,
            Some(asked) if asked.name == "send" && stdin.write_all(format!("{}\n", asked.target).as_bytes()).is_ok() => {
                lesson.say(&format!("sent {:?}", asked.target));
                sent.push(asked.target);
                lesson.value("lines sent", sent.len());
            }
            Some(asked) => lesson.refuse(&asked, "the program reads nothing any more, or its pipe is full"),
            None => {}
        }
    }
    let before_the_end = came.len();
    drop(stdin);
    program.stdout = Some(stdout);
    let done = program.communicate(lesson, b"", Instant::now() + PATIENCE, |asked| lesson.refuse(asked, CLOSED))?;
    came.extend(done.stdout.unwrap_or_default());
    let lines: Vec<String> = String::from_utf8_lossy(&came).lines().map(str::to_owned).collect();
    lesson.say(&format!("its input was closed, and it said {lines:?}"));
    Ok(Talk { sent, before_the_end, lines, error_bytes: done.stderr.map(|bytes| bytes.len()), ended: done.status })
}

/// That many MiB of lines, packed: one MiB, over and over, as gzip unpacks what is joined.
fn packed(mebibytes: usize) -> Result<Vec<u8>, LessonError> {
    let words: Vec<&str> = TEXT.split_whitespace().collect();
    let lines = words.chunks(8).cycle().flat_map(|words| format!("{}\n", words.join(" ")).into_bytes());
    let mut text: Vec<u8> = lines.take(MIB - 1).collect();
    text.push(b'\n');
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    let piece = encoder.write_all(&text).and_then(|()| encoder.finish()).map_err(LessonError::kernel("pack a text"))?;
    Ok(piece.repeat(mebibytes))
}

/// What unpacking has cost.
#[derive(Debug, Clone, Default)]
struct Unpacked {
    lines: u64,
    /// By how much this process grew while it read.
    grown_mib: u64,
}

/// Reads what `gzip -dc` writes. To keep it all is what `communicate()` does.
fn unpack(lesson: &Lesson, file: &Path, keep_all: bool) -> Result<Unpacked, LessonError> {
    let memory = || stat_of(own_pid()).map_or(0, |stat| stat.rss / 1024);
    let mut deadline = Instant::now() + PATIENCE;
    let mut gzip = lesson.start(&ChildSpec::new(["gzip".as_ref(), "-dc".as_ref(), file.as_os_str()]))?;
    let mut stdout = gzip.stdout.take();
    stdout.as_ref().map_or(Ok(()), set_nonblocking).map_err(LessonError::kernel("set up a pipe"))?;
    let (mut kept, mut chunk, mut line) = (Vec::new(), vec![0; 64 * 1024], Vec::new());
    let (start, mut lines) = (memory(), 0);
    let (mut most, mut next_look) = (start, Instant::now());
    while let Some(pipe) = &mut stdout {
        let asked = lesson.listen(&[pipe.as_fd()], deadline.saturating_duration_since(Instant::now()))?;
        if let Some(asked) = asked {
            lesson.refuse(&asked, CLOSED);
            continue;
        }
        if Instant::now() >= deadline {
            gzip.child.signal(Signal::KILL);
            break;
        }
        let count = match pipe.read(&mut chunk) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => continue,
            count => count.map_err(LessonError::kernel("read what gzip says"))?,
        };
        // As long as something comes, nobody has stopped it, however slow this machine is.
        deadline = Instant::now() + PATIENCE;
        if keep_all {
            kept.extend_from_slice(&chunk[..count]);
        } else {
            let mut rest = &chunk[..count];
            while rest.read_until(b'\n', &mut line).is_ok_and(|count| count > 0) {
                if line.ends_with(b"\n") {
                    lines += 1;
                    line.clear();
                }
            }
        }
        if count == 0 {
            stdout = None;
        }
        if count == 0 || Instant::now() >= next_look {
            most = most.max(memory());
            lesson.value("our memory (MiB)", memory() / 1024);
            next_look = Instant::now() + Duration::from_millis(50);
        }
    }
    gzip.communicate(lesson, b"", deadline, |asked| lesson.refuse(asked, CLOSED))?;
    let mut all: &[u8] = &kept;
    while all.skip_until(b'\n').is_ok_and(|count| count > 0) {
        lines += 1;
    }
    let how = if keep_all { "all at once" } else { "one at a time" };
    lesson.say(&format!("{lines} lines, {how}, and our memory grew by {} KiB", most - start));
    Ok(Unpacked { lines, grown_mib: (most - start) / 1024 })
}

fn facts(program: &str, mebibytes: u64, talk: &Talk, by_line: &Unpacked, all_at_once: &Unpacked) -> Facts {
    let mut expected = talk.sent.clone();
    let mut facts = Facts::new();
    if program == "sort" {
        expected.sort_unstable();
        facts.push(equals("silent", "before its input ends, sort answers nothing: bytes", 0, talk.before_the_end));
    }
    facts.extend([
        equals("answer", "what comes back is what the program makes of all that was sent", expected, talk.lines.clone()),
        equals("end-of-file", "closing its standard input is what ends the program", "exited 0", talk.ended.to_string()),
        equals(
            "error-bytes",
            "with stderr=PIPE, the errors of a program that has none are empty, not None: bytes",
            0,
            talk.error_bytes,
        ),
        at_most(
            "flat",
            "read line by line, it costs less than a quarter of its size: our memory grew by (MiB)",
            mebibytes / 4,
            by_line.grown_mib,
        ),
        more_than("kept", "communicate() keeps it all: our memory grew by (MiB)", mebibytes * 4 / 5, all_at_once.grown_mib),
        equals("lines", "the same text came both ways: lines", all_at_once.lines, by_line.lines),
    ]);
    facts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good() -> Talk {
        let texts = |texts: [&str; 2]| texts.map(str::to_owned).to_vec();
        Talk {
            sent: texts(["pear", "apple"]),
            before_the_end: 0,
            lines: texts(["apple", "pear"]),
            error_bytes: Some(0),
            ended: ExitStatus::Exited(0),
        }
    }

    fn failed(talk: &Talk, by_line: [u64; 2], all_at_once: [u64; 2]) -> Vec<String> {
        let unpacked = |[lines, grown_mib]: [u64; 2]| Unpacked { lines, grown_mib };
        let facts = facts("sort", 32, talk, &unpacked(by_line), &unpacked(all_at_once));
        facts.into_iter().filter(|fact| !fact.holds).map(|fact| fact.id).collect()
    }

    #[test]
    fn each_fact_can_fail() {
        assert_eq!(failed(&good(), [9, 1], [9, 33]), [""; 0]);
        assert_eq!(failed(&Talk { before_the_end: 5, ..good() }, [9, 1], [9, 33]), ["silent"]);
        assert_eq!(failed(&Talk { lines: good().sent, ..good() }, [9, 1], [9, 33]), ["answer"]);
        assert_eq!(failed(&Talk { error_bytes: None, ..good() }, [9, 1], [9, 33]), ["error-bytes"]);
        assert_eq!(failed(&Talk { ended: ExitStatus::Exited(2), ..good() }, [9, 1], [9, 33]), ["end-of-file"]);
        assert_eq!(failed(&good(), [8, 9], [9, 25]), ["flat", "kept", "lines"]);
    }

    #[test]
    fn what_is_packed_unpacks_to_that_many_lines() {
        let mut text = Vec::new();
        flate2::read::MultiGzDecoder::new(&packed(2).expect("packs")[..]).read_to_end(&mut text).expect("unpacks");
        assert_eq!((text.len(), text.last()), (2 * MIB, Some(&b'\n')));
    }
}
