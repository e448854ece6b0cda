//! Pipes: both ends send and receive, and two writers of one end have to take turns (concepts 49 and 50).

use std::io::{self, Read, Write};
use std::time::Duration;

use rustix::pipe::fcntl_getpipe_size;

use crate::scenario::card::Params;
use crate::scenario::lesson::children::Fork;
use crate::scenario::lesson::{Lesson, LessonError};

pub(super) fn run(lesson: &Lesson, params: &Params) -> Result<(), LessonError> {
    let (ours, theirs) = lesson.pipe("ours")?;
    let echo = match lesson.fork("echo")? {
        Fork::Child => {
            drop(ours); // With a copy of the other end it would never find the end of file.
            lesson.in_process("echo", || {
                while let Ok(text) = theirs.recv() {
                    let _ = theirs.send(text.as_str().unwrap_or_default().to_uppercase());
                }
                lesson.say("echo: end of file");
            })
        }
        Fork::Parent(echo) => echo,
    };
    drop(theirs);
    for text in [params.text("word"), "both ways"] {
        lesson.sleep(Duration::from_millis(600));
        let answer =
            ours.send(text).and_then(|()| ours.recv()).map_err(io::Error::other).map_err(LessonError::kernel("hear the echo"))?;
        lesson.say(&format!("sent {text}, received {}", answer.as_str().unwrap_or_default()));
    }
    drop(ours);
    echo.join()?;

    for (how, has_lock) in [("without a lock", false), ("with a lock", true)] {
        let data = two_writers(lesson, params, has_lock)?;
        let pieces: Vec<&[u8]> = data.chunks(params.count("size") * 1000).collect();
        let torn = pieces.iter().filter(|piece| piece.iter().any(|byte| *byte != piece[0])).count();
        lesson.say(&format!("{how} {torn} of {} records are torn", pieces.len()));
    }
    Ok(())
}

/// What two processes write to one end of a pipe.
fn two_writers(lesson: &Lesson, params: &Params, has_lock: bool) -> Result<Vec<u8>, LessonError> {
    let failed = || LessonError::kernel("use a pipe");
    let (mut source, sink) = io::pipe().map_err(failed())?;
    // A lock for processes: who has taken the byte out of this pipe has it.
    let (mut take, mut give) = io::pipe().map_err(failed())?;
    give.write_all(b".").map_err(failed())?;
    lesson.say(&format!("a pipe holds {} bytes", fcntl_getpipe_size(&sink).map_err(io::Error::from).map_err(failed())?));
    let mut writers = Vec::new();
    for (name, letter) in [("writer-a", b'a'), ("writer-b", b'b')] {
        writers.push(lesson.process(name, || {
            let record = vec![letter; params.count("size") * 1000];
            for _ in 0..params.count("records") {
                let locked = if has_lock { take.read_exact(&mut [0]) } else { Ok(()) };
                let _ = locked.and_then(|()| Ok(rustix::io::write(&sink, &record)?));
                let _ = if has_lock { give.write_all(b".") } else { Ok(()) };
            }
        })?);
    }
    drop(sink);
    lesson.sleep(params.seconds("pause")); // The pipe gets full, and both writers wait.
    let mut data = Vec::new();
    source.read_to_end(&mut data).map_err(failed())?;
    writers.into_iter().try_for_each(|writer| writer.join())?;
    Ok(data)
}
