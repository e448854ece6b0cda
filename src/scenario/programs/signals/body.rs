//! Terminate and kill: a request that a program may heed, and an end that it cannot see coming (concepts 87 and 88).

use std::time::Instant;

use crate::model::{ChildSpec, Input, OutputTo};
use crate::scenario::card::Params;
use crate::scenario::lesson::programs::{Folder, program};
use crate::scenario::lesson::{Lesson, LessonError};

/// In Python the programs are Python, and here a shell runs them: what it does at EXIT is its `finally`.
const PROGRAM: &str = r#"
file=$1 cleanup=$2
on_term() {
    echo "heard SIGTERM"
    case $0 in
        polite) exit 0 ;;
        slow)
            sleep "$cleanup"
            trap - EXIT
            exit 3 ;;
    esac
}
trap on_term TERM
trap 'rm "$file"; echo "ran finally"' EXIT
: > "$file"
echo ready
while true; do read -r nothing; done
"#;

pub(super) fn run(lesson: &Lesson, params: &Params) -> Result<(), LessonError> {
    let (grace, pause) = (params.seconds("grace"), params.seconds("pause"));
    let cleanup = params.seconds("cleanup").as_secs_f64().to_string();
    let folder = Folder::make("signals")?;
    let start = |name: &str| {
        let file = folder.path().join(name).display().to_string();
        let spec = program(["sh", "-c", PROGRAM, name, &file, &cleanup]);
        lesson.start(&ChildSpec { name: name.to_owned(), stdin: Input::Pipe, stdout: OutputTo::Pipe, ..spec })
    };

    let mut programs = [start("polite")?, start("slow")?, start("deaf")?];
    let mut said = Vec::new();
    for program in &mut programs {
        let mut lines = program.lines()?;
        lines.next();
        said.push(lines);
    }
    lesson.say("all three are ready");

    for (mut program, lines) in programs.into_iter().zip(said) {
        let name = program.name().to_owned();
        lesson.sleep(pause);
        lesson.say(&format!("terminate {name}"));
        let asked = Instant::now();
        program.terminate();
        if program.wait_for(grace)?.is_none() {
            lesson.say(&format!("kill {name}"));
            program.kill();
        }
        let status = program.wait()?;
        let lived = asked.elapsed().as_secs_f64();
        let said = lines.collect::<Vec<_>>().join(", ");
        let is_there = folder.path().join(&name).exists();
        lesson.say(&format!("{name}: {said}; status {status} after {lived:.3} s; file is there: {is_there}"));
    }
    Ok(())
}
