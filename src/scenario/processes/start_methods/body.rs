//! Fork, spawn, fork server: three ways to start a process that runs a function (concepts 44, 45 and 47).

use std::io::{self, Read, Write};
use std::sync::{Mutex, PoisonError};

use crate::model::{ChildSpec, OutputTo};
use crate::scenario::card::Params;
use crate::scenario::lesson::children::Child;
use crate::scenario::lesson::cost::process_cpu;
use crate::scenario::lesson::programs::returncode;
use crate::scenario::lesson::{Lesson, LessonError};

static GREETING: Mutex<String> = Mutex::new(String::new());

/// A spawned process begins this program anew, and knows by this variable what it is: the counterpart of Python's
/// `if __name__ == "__main__"`.
const SPAWNED: &str = "TASKLAB_SPAWNED";

pub(super) fn run(lesson: &Lesson, params: &Params) -> Result<(), LessonError> {
    let greeting = || GREETING.lock().unwrap_or_else(PoisonError::into_inner);
    params.text("greeting").clone_into(&mut greeting());
    let hello = |method: &str| {
        let cpu = process_cpu() * 1e3;
        lesson.say(&format!("{method}: began after {cpu:.2} ms of CPU, says {}", greeting()));
        lesson.sleep(params.seconds("pause"));
        0
    };
    if std::env::var_os(SPAWNED).is_some() {
        if params.flag("guard") {
            hello("spawn");
            return Ok(());
        }
        let never_ends = io::Error::other("it would start itself again, without end");
        return Err(LessonError::kernel("start processes in one that was spawned")(never_ends));
    }

    let (requests, mut request) = io::pipe().map_err(LessonError::kernel("make a pipe"))?;
    let (mut answers, answer) = io::pipe().map_err(LessonError::kernel("make a pipe"))?;
    let serve = |number: u8| {
        let status = lesson.child(&format!("forkserver-{number}"), || hello("forkserver"))?.wait()?.status;
        let failed = LessonError::kernel("answer");
        (&answer).write_all(&returncode(status).unwrap_or_default().to_le_bytes()).map_err(failed)
    };
    // It is forked while main has not changed anything.
    let server = lesson.child("forkserver", || {
        let mut number = [0];
        while (&requests).read_exact(&mut number).is_ok() && number != [0] && serve(number[0]).is_ok() {}
        0
    })?;
    drop((requests, answer));

    let loud = greeting().to_uppercase();
    *greeting() = loud;
    let only = params.text("method");
    for method in ["spawn", "fork", "forkserver"].into_iter().filter(|method| only == "all" || only == *method) {
        for number in 1..=params.count("rounds") {
            let name = format!("{method}-{number}");
            let status = match method {
                "fork" => lesson.child(&name, || hello(method))?.wait()?.status,
                "spawn" => spawn(lesson, &name)?.wait()?.status,
                _ => {
                    let mut status = [0; 4];
                    let served = request.write_all(&[number as u8]).and_then(|()| answers.read_exact(&mut status));
                    served.map_err(LessonError::kernel("ask the fork server"))?;
                    lesson.say(&format!("{name} left with {}", i32::from_le_bytes(status)));
                    continue;
                }
            };
            lesson.say(&format!("{name} left with {}", returncode(status).unwrap_or_default()));
        }
    }
    let _ = request.write_all(&[0]);
    server.wait().map(drop)
}

/// Starts this program once more, in a new process.
fn spawn<'s>(lesson: &'s Lesson, name: &str) -> Result<Child<'s>, LessonError> {
    let itself = std::env::current_exe().map_err(LessonError::kernel("find this program"))?;
    let own = std::env::vars_os().filter(|(name, _)| name != "TASKLAB_EVENTS" && name != "TASKLAB_CONTROL");
    let program = lesson.start(&ChildSpec {
        name: name.to_owned(),
        executable: Some(itself.into()),
        clear_env: true,
        env: own.chain([(SPAWNED.into(), "1".into())]).collect(),
        stdout: OutputTo::Inherit,
        stderr: OutputTo::Inherit,
        ..ChildSpec::new(["tasklab", "__worker", "start-methods"])
    })?;
    lesson.keep_name(&program.child);
    Ok(program.child)
}
