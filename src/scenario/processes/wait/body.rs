//! Waiting for a child: what `wait()` and `waitpid()` give, and how to read it (concepts 62 and 63).

use rustix::process::{getpid, kill_process};

use crate::model::{ExitStatus, Signal};
use crate::scenario::card::Params;
use crate::scenario::lesson::children::Reaped;
use crate::scenario::lesson::{Lesson, LessonError};

pub(super) fn run(lesson: &Lesson, params: &Params) -> Result<(), LessonError> {
    let children = params.count("children");
    let life = params.seconds("life");
    let tell = |call: &str, Reaped { pid, raw, status }: Reaped| {
        let how = match status {
            ExitStatus::Signaled { signal, .. } => format!("signal {} ended it", signal.number()),
            _ => format!("it left with {}", raw >> 8 & 0xff),
        };
        lesson.say(&format!("{call} gave {pid}, {raw} ({raw:016b}): {how}"));
    };

    let mut family = Vec::new();
    for number in 1..=children {
        family.push(lesson.child(&format!("child-{number}"), || {
            lesson.sleep(life * number as u32);
            if number == children && children > 1 {
                send_myself(params.text("signal"));
            }
            10 * number as i32
        })?);
    }
    match lesson.wait_no_hang()? {
        None => lesson.say("nobody has ended: (0, 0)"),
        Some(ended) => tell("waitpid", ended),
    }

    let one = &family[params.count("chosen").min(children) - 1];
    lesson.say(&format!("now for {} alone", one.pid()));
    tell("waitpid", one.wait()?);

    while let Some(ended) = lesson.wait()? {
        tell("wait", ended);
    }
    lesson.say("wait: no child left");
    Ok(())
}

fn send_myself(name: &str) {
    let signal = name.parse().ok().and_then(|signal: Signal| rustix::process::Signal::from_named_raw(signal.number()));
    if let Some(signal) = signal {
        let _ = kill_process(getpid(), signal);
    }
}
