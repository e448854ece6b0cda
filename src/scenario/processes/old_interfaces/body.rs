//! The old ways to run a program, beside the new one (concepts 65 to 68 and 89). Rust has one way, `Command`; each call of Python's is made of it.

use std::fmt::Display;
use std::io::{self, Read};

use crate::model::{ChildSpec, OutputTo};
use crate::scenario::card::Params;
use crate::scenario::lesson::children::Reaped;
use crate::scenario::lesson::programs::{by_shell, program, returncode};
use crate::scenario::lesson::{Lesson, LessonError};

pub(super) fn run(lesson: &Lesson, params: &Params) -> Result<(), LessonError> {
    let (status, hold) = (params.count("status"), params.seconds("hold").as_secs_f64());
    let silent = format!("sleep {hold}; exit {status}");
    let loud = format!("echo one; sleep {hold}; echo two; exit {status}");
    let show = |call: &str, gave: &dyn Display| lesson.say(&format!("{call} gave {gave}"));
    let wait = |spec: ChildSpec| lesson.start(&spec)?.child.wait();
    let code = |ended: Reaped| returncode(ended.status).unwrap_or_default();
    // What a program writes, and how it ended.
    let output = || {
        let mut program = lesson.start(&ChildSpec { stdout: OutputTo::Pipe, ..by_shell(&loud) })?;
        let mut text = String::new();
        if let Some(mut stdout) = program.stdout.take() {
            stdout.read_to_string(&mut text).map_err(LessonError::kernel("read a pipe"))?;
        }
        Ok::<_, LessonError>((text.trim_end().to_owned(), program.child.wait()?))
    };

    show("os.system", &wait(by_shell(&silent))?.raw);
    show("run with a shell", &code(wait(by_shell(&silent))?));
    show("run with a list", &code(wait(program(["sleep".to_owned(), hold.to_string()]))?));

    let mut popen = lesson.start(&ChildSpec { stdout: OutputTo::Pipe, ..by_shell(&loud) })?;
    if let Some(stdout) = popen.stdout.take() {
        let mut lines = io::BufRead::lines(io::BufReader::new(stdout)).map_while(Result::ok);
        show("popen: first line", &format!("{:?}", lines.next().unwrap_or_default()));
        show("popen: the others", &format!("{:?}", lines.collect::<Vec<_>>()));
    }
    popen.child.wait()?;

    show("spawnlp, P_WAIT", &code(wait(by_shell(&silent))?));
    let spawned = lesson.start(&by_shell(&silent))?.child;
    show("spawnlp, P_NOWAIT", &spawned.pid());
    let Reaped { pid, raw, .. } = spawned.wait()?;
    show("os.waitpid", &format!("({pid}, {raw})"));

    show("call", &code(wait(by_shell(&silent))?));
    match code(wait(by_shell(&silent))?) {
        0 => show("check_call", &0),
        status => show("check_call", &format!("CalledProcessError {status}")),
    }

    show("getoutput", &format!("{:?}", output()?.0));
    let (text, ended) = output()?;
    show("getstatusoutput", &format!("({}, {text:?})", code(ended)));
    Ok(())
}
