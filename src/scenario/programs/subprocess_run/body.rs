//! Running a program and waiting for it: what comes back, what does not, and what a shell adds (concepts 69, 70, 71 and 73).

use crate::model::{ChildSpec, OutputTo};
use crate::scenario::card::Params;
use crate::scenario::lesson::programs::{Folder, by_shell, program};
use crate::scenario::lesson::{Lesson, LessonError};

pub(super) fn run(lesson: &Lesson, params: &Params) -> Result<(), LessonError> {
    let (guest, pause) = (params.text("guest"), params.seconds("pause"));
    let folder = Folder::make("subprocess-run")?;
    let there = |spec| ChildSpec { cwd: Some(folder.path().into()), ..spec };
    for number in 1..=params.count("files") {
        lesson.run(&there(program(["touch", &format!("lesson-{number}.py")])))?;
    }

    let ls = lesson.run(&there(program(["ls", "-l"])))?;
    lesson.say(&format!("ls gave back {:?}", ls.stdout));

    let printf = lesson.run(&ChildSpec { stdout: OutputTo::Pipe, ..program(["printf", "café"]) })?;
    let bytes = printf.stdout.unwrap_or_default();
    if params.flag("text") {
        let text = String::from_utf8_lossy(&bytes);
        lesson.say(&format!("printf gave back {text:?}, length {}", text.chars().count()));
    } else {
        lesson.say(&format!("printf gave back b\"{}\", length {}", bytes.escape_ascii(), bytes.len()));
    }

    // Python asks another Python here, and we a shell.
    let sh = lesson.run(&program(["sh", "-c", &format!("exit {}", params.count("status"))]))?;
    lesson.say(&format!("sh ended with status {}", sh.returncode()));
    lesson.sleep(pause);

    // A list of words, without a shell.
    lesson.run(&program(["sleep", "0.8"]))?;
    lesson.run(&there(program(["echo", "list:", "*.py"])))?;
    lesson.run(&program(["echo", "list: Hello", guest]))?;
    lesson.sleep(pause);

    // One line, and a shell that reads it.
    lesson.run(&there(by_shell("sleep 0.8; echo shell: *.py")))?;
    lesson.run(&there(by_shell(&format!("echo shell: Hello {guest}"))))?;
    Ok(())
}
