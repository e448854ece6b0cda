//! Talking to a program: line by line while it runs, or all at once, and what that costs (concepts 82 to 85).

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::model::{ChildSpec, Input, OutputTo};
use crate::scenario::card::Params;
use crate::scenario::lesson::programs::{Folder, program};
use crate::scenario::lesson::{Lesson, LessonError};

const LINE: &[u8] = b"This is one line of a very, very, very, very, very, long story.\n";

pub(super) fn run(lesson: &Lesson, params: &Params) -> Result<(), LessonError> {
    let (name, pause) = (params.text("program"), params.seconds("pause"));
    let talker = ChildSpec {
        name: "talker".to_owned(),
        stdin: Input::Pipe,
        stdout: OutputTo::Pipe,
        stderr: OutputTo::Pipe,
        ..program([name])
    };

    // Line by line: main writes, and a thread reads.
    let mut asked = lesson.start(&ChildSpec { stderr: OutputTo::Inherit, ..talker.clone() })?;
    let (mut words, answers) = (asked.input()?, asked.lines()?);
    lesson.scope(|scope| {
        let listener = scope.thread("listener", move |_| {
            for line in answers {
                lesson.say(&format!("{name} says {line}"));
            }
        })?;
        for word in ["pear", "apple", "fig"] {
            lesson.say(&format!("we say {word}"));
            writeln!(words, "{word}").map_err(LessonError::kernel("write to the program"))?;
            lesson.sleep(pause);
        }
        lesson.say("we close its input");
        drop(words);
        listener.join();
        Ok::<(), LessonError>(())
    })?;
    asked.wait()?;

    // All at once: communicate() writes, closes, reads and waits.
    let said = lesson.start(&talker)?.communicate(b"pear\napple\nfig\n")?;
    let text = |bytes: Option<Vec<u8>>| String::from_utf8_lossy(&bytes.unwrap_or_default()).into_owned();
    lesson.say(&format!("communicate gave {:?} and {:?}", text(said.stdout), text(said.stderr)));

    let folder = Folder::make("communicate")?;
    let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
    let piece = packer.write_all(&LINE.repeat(16 * 1024)).and_then(|()| packer.finish());
    let piece = piece.map_err(LessonError::kernel("pack the story"))?;
    folder.write("story.gz", &piece.repeat(params.count("mebibytes")))?;
    let there = |spec| ChildSpec { cwd: Some(folder.path().into()), ..spec };

    let ls = lesson.start(&there(program(["ls", "-l"])))?.communicate(b"")?;
    lesson.say(&format!("without a PIPE: ({:?}, {:?})", ls.stdout, ls.stderr));
    if lesson.start(&there(program(["gzip -dc story.gz"]))).is_err() {
        lesson.say("no program called gzip -dc story.gz");
    }
    lesson.sleep(pause);

    let gzip = there(program(["gzip", "-dc", "story.gz"]));
    let gzip = ChildSpec { name: "gunzip".to_owned(), stdout: OutputTo::Pipe, ..gzip };
    let mut gunzip = lesson.start(&gzip)?;
    let longest = gunzip.lines()?.map(|line| line.len() + 1).max().unwrap_or_default();
    gunzip.wait()?;
    lesson.say(&format!("the longest line: {longest} bytes"));

    let story = lesson.start(&gzip)?.communicate(b"")?.stdout.unwrap_or_default();
    lesson.say(&format!("all at once: {} bytes", story.len()));
    Ok(())
}
