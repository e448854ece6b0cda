//! Warnings about a body that says nothing or was killed, and about processes that do not die, as sentences. Pure.

use std::time::Duration;

use crate::engine::fold::state::RunFold;
use crate::model::{ExitStatus, Language, Pid, ProcessRow, ProcessState, Signal};
use crate::scenario::Scenario;

/// The output of a run is still open although all its processes have ended.
pub(crate) fn open(left: Duration) -> String {
    format!(
        "all processes of the run have ended, but its output is still open: a process outside the run holds the pipe; \
         open until {:.1} s from now",
        left.as_secs_f64()
    )
}

/// A process was killed and is still there.
pub(crate) fn unkillable(row: &ProcessRow) -> String {
    let ProcessRow { name, pid, .. } = row;
    match row.state {
        ProcessState::DiskSleep => {
            format!("{name} ({pid}) is stuck in the kernel (D): SIGKILL takes effect when its input or output returns")
        }
        state => {
            let state = state.word();
            format!("{name} ({pid}) is still there after SIGKILL, {state}: another user's, traced, or held by the kernel")
        }
    }
}

/// A run is over although SIGKILL has not ended all its processes.
pub(crate) fn stuck(left: Option<u32>) -> String {
    match left {
        Some(left) if left > 0 => format!(
            "{left} of its processes did not die from SIGKILL: they are stuck in the kernel (D) or belong to another user, and will \
             end when the kernel lets go of them"
        ),
        _ => "whether SIGKILL has ended all of its processes is not known: they could not be counted".to_owned(),
    }
}

/// The name of a lesson's body.
const fn body(language: Language) -> &'static str {
    if let Language::Python = language { "python3" } else { "the body" }
}

/// A body says nothing.
pub(crate) fn silent(language: Language, patience: Duration) -> String {
    let body = body(language);
    let seconds = patience.as_secs();
    format!("{body} has said nothing for {seconds} s: it hangs, or the machine is very busy; end the run if it goes on")
}

/// A body has ended before it said anything; `None`: Task Lab has ended it.
pub(crate) fn never_began(language: Language, status: Option<ExitStatus>) -> String {
    let body = body(language);
    let how = match status {
        Some(ExitStatus::Exited(code)) => format!("ended with status {code}"),
        Some(ExitStatus::Signaled { signal, .. }) => format!("was killed by {signal}"),
        Some(ExitStatus::Unknown) => "ended".to_owned(),
        None => "said nothing".to_owned(),
    };
    let advice =
        if language == Language::Python { "; look at its output, and at what `tasklab doctor` says of python3" } else { "" };
    format!("the lesson has not begun: {body} {how} before it had told anything{advice}")
}

/// The exit status by which a plain body says that something that it needs is missing.
const MISSING: i32 = 3;

/// Why a lesson that came to its end claims nothing, as far as it is known.
pub(crate) fn claims_nothing(scenario: &Scenario, fold: &RunFold) -> Option<String> {
    let status = fold.stages().first().and_then(|(_, status)| *status);
    let why = if scenario.needs_gpiozero() && status == Some(ExitStatus::Exited(MISSING)) {
        return Some("skipped: gpiozero is not installed; sudo apt install python3-gpiozero".to_owned());
    } else if fold.has_gaps() {
        "a task did too much to tell each operation"
    } else if fold.is_acted_on {
        "what was done to it has left nothing to measure"
    } else {
        return None;
    };
    Some(format!("the lesson claims nothing about this run: {why}"))
}

/// A body was killed by a signal that Task Lab has not sent.
pub(crate) fn killed_from_outside(name: &str, pid: Pid, signal: Signal) -> String {
    let or = if signal == Signal::KILL { ", or the kernel for want of memory" } else { ", or it did itself" };
    format!(
        "{name} ({pid}) was killed by {signal}, which Task Lab has not sent: somebody else has{or}; the processes that it has started are ended"
    )
}
