//! The worker role: runs one body to its end, on the lesson that the environment describes.

use std::io::Write;
use std::process::ExitCode;

use crate::model::{Signal, TaskSort, harmless};
use crate::scenario::CATALOGUE;
use crate::scenario::definition::Scenario;
use crate::scenario::lesson::{Lesson, LessonError};
use crate::sys::default_signal;

/// No scenario has this id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no scenario {id:?}; {advice}")]
pub struct UnknownScenario {
    id: String,
    advice: String,
}

/// The scenario with this id; the error lists the nearest names.
pub fn find(id: &str) -> Result<&'static Scenario, UnknownScenario> {
    CATALOGUE.iter().find(|scenario| scenario.id == id).copied().ok_or_else(|| {
        let likeness = |scenario: &Scenario| strsim::jaro_winkler(scenario.id, &id.to_lowercase());
        let mut near: Vec<_> = CATALOGUE.iter().filter(|scenario| likeness(scenario) > 0.7).collect();
        near.sort_by(|a, b| likeness(b).total_cmp(&likeness(a)));
        let names: Vec<_> = near.iter().take(3).map(|scenario| scenario.id).collect();
        let advice = if names.is_empty() {
            "`tasklab list` names them all".to_owned()
        } else {
            format!("did you mean {}?", names.join(", "))
        };
        UnknownScenario { id: id.to_owned(), advice }
    })
}

/// Runs the body of this scenario in this process. Status 0: it came to its end, whether or not every fact held;
/// 1: it could not go on; 2: there is no such scenario.
pub fn work(id: &str) -> ExitCode {
    be_mortal();
    let scenario = find(id);
    let lesson = Lesson::from_environment();
    let (text, status) = match scenario.map(|scenario| perform(scenario, &lesson)) {
        Ok(Ok(())) => {
            lesson.refuse_what_is_left();
            return ExitCode::SUCCESS;
        }
        Ok(Err(error)) => (error.to_string(), ExitCode::FAILURE),
        Err(error) => (error.to_string(), ExitCode::from(2)),
    };
    if lesson.has_listener() {
        lesson.notice(text);
    } else {
        let _ = std::io::stderr().write_all((harmless(&format!("{id}: {text}")) + "\n").as_bytes());
    }
    status
}

/// Rust's runtime catches the signals of a stack overflow, and takes one that somebody has sent for nothing: only the second would
/// kill this process or a child of it. A lesson's processes die of the first, as other programs do.
fn be_mortal() {
    for signal in [Signal::SEGV, Signal::BUS] {
        // It fails for numbers alone that are no signals.
        let _ = default_signal(signal);
    }
}

fn perform(scenario: &Scenario, lesson: &Lesson) -> Result<(), LessonError> {
    lesson.tracker().set_body(scenario.id);
    let params = Lesson::params(scenario.params)?;
    let main = lesson.task("main", TaskSort::Thread);
    (scenario.run)(lesson, &params)?;
    main.finish("ok");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_scenario_names_the_nearest_ones() {
        assert_eq!(find("thread-pool").map(|scenario| scenario.id), Ok("thread-pool"));
        let text = find("threadpool").expect_err("unknown").to_string();
        assert!(text.contains("\"threadpool\"") && text.contains("thread-pool"), "{text}");
        assert!(find("xyzzy").expect_err("unknown").to_string().contains("tasklab list"));
    }
}
