//! Every argument of `Popen`, and what a program has of it (concepts 72 and 74 to 81).

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::os::fd::AsRawFd;
use std::time::Duration;

use crate::model::{ChildSpec, Input, OutputTo};
use crate::scenario::card::Params;
use crate::scenario::lesson::programs::{Folder, by_shell, program};
use crate::scenario::lesson::{Lesson, LessonError};

const SCRIPT: &str = r#"
echo "name $0"
echo "folder $PWD"
echo "colour $COLOUR"
echo "niceness $(nice)"
cat nothing
read word || echo "nothing to read"
sleep 0.8
"#;

pub(super) fn run(lesson: &Lesson, params: &Params) -> Result<(), LessonError> {
    let (lines, pause) = (params.count("lines") as u32, params.seconds("pause"));
    let poll = |status: Option<i32>| {
        lesson.say(&format!("poll {}", status.map_or_else(|| "None".to_owned(), |status| status.to_string())));
    };

    // A start returns at once, poll() looks, wait() waits.
    let runner = by_shell(&format!("sleep 4.5; exit {}", params.count("status")));
    let mut runner = lesson.start(&ChildSpec { name: "runner".to_owned(), ..runner })?;
    poll(runner.poll()?);
    lesson.sleep(pause);

    // The program's name, its file, its three streams, its folder, its variables, its session, its niceness.
    let folder = Folder::make("popen")?;
    let diary = folder.path().join("diary");
    let mut guest = lesson.start(&ChildSpec {
        name: "guest".to_owned(),
        executable: Some("/bin/sh".into()),
        stdin: Input::Null,
        stdout: OutputTo::File(diary.clone().into()),
        stderr: OutputTo::Stdout,
        cwd: Some(folder.path().into()),
        env: vec![("COLOUR".into(), params.text("colour").into())],
        new_session: true,
        nice: Some(params.count("nice") as i32),
        ..program(["somebody-else", "-c", SCRIPT])
    })?;
    guest.wait()?;
    let wrote = fs::read_to_string(&diary).map_err(LessonError::kernel("read the diary"))?;
    let own = rustix::process::getpriority_process(None).map_err(LessonError::kernel("look at our niceness"))?;
    lesson.say(&format!("{wrote}niceness here {own}"));
    lesson.sleep(pause);

    // A pipe has no buffer of ours, unless we put one before it.
    for size in [0, -1] {
        lesson.say(&format!("bufsize {size}"));
        let mut cat = lesson.start(&ChildSpec { stdin: Input::Pipe, ..program(["cat"]) })?;
        let pipe = cat.input()?;
        let mut input: Box<dyn Write> = if size == 0 { Box::new(pipe) } else { Box::new(BufWriter::new(pipe)) };
        for number in 1..=lines {
            writeln!(input, "line {number}").map_err(LessonError::kernel("write to cat"))?;
            lesson.sleep(Duration::from_secs(1) / lines);
        }
        lesson.say("close");
        drop(input);
        cat.communicate(b"")?;
    }

    // All files of ours are closed in a program, but those that it is to keep.
    let memo = File::open(&diary).map_err(LessonError::kernel("open a file"))?;
    for close in [true, false] {
        let keep_fds = if close { Vec::new() } else { vec![memo.as_raw_fd()] };
        let test = program(["test", "-e", &format!("/dev/fd/{}", memo.as_raw_fd())]);
        let status = lesson.start(&ChildSpec { keep_fds, ..test })?.wait()?;
        lesson.say(&format!("close_fds={close}: finds our file: {}", status == 0));
    }

    let printf = ChildSpec { stdout: OutputTo::Pipe, ..program(["printf", r"one\r\ntwo\n"]) };
    let bytes = lesson.start(&printf)?.communicate(b"")?.stdout.unwrap_or_default();
    lesson.say(&format!("text=false: b\"{}\"", bytes.escape_ascii()));
    let bytes = lesson.start(&printf)?.communicate(b"")?.stdout.unwrap_or_default();
    lesson.say(&format!("text=true: {:?}", String::from_utf8_lossy(&bytes).replace("\r\n", "\n")));

    lesson.say(&format!("wait {}", runner.wait()?));
    poll(runner.poll()?);
    Ok(())
}
