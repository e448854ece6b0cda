//! A second chance on a busy machine: facts that compare measured times, and no others, may fail twice.

use std::io::Write;

use tasklab::model::Fact;

/// Of each lesson, the facts that compare times, or shares of a core, which this run has measured. Facts on counts, orders and
/// states are not among them: they hold on any machine, or are wrong.
pub const MEASURED: &[(&str, &[&str])] = &[
    ("gil", &["threads-cores", "processes-ready", "c-ready", "turns"]),
    ("overhead", &["trivial", "catches-up"]),
    ("start-methods", &["spawn-costs"]),
    ("fork", &["speed-up"]),
];

/// Facts that a busy machine, or a kernel that does not count, does not claim.
pub const CLAIMED_AT_TIMES: &[(&str, &[&str])] = &[
    ("gil", &["processes-ready", "c-ready"]),
    ("barrier", &["early"]),
    ("event", &["no-wait"]),
    ("blink", &["stood-still"]),
    ("start-methods", &["spawn-costs"]),
    ("subprocess-run", &["sh-row"]),
    ("popen", &["buffered"]),
    ("pipeline", &["full", "standstill", "capacity"]),
    ("signals", &["how-ended", "finally", "files"]),
    ("across-systems", &["lost", "noticed"]),
    ("fork", &["speed-up"]),
];

/// The facts that such a list names for a lesson.
pub fn of(list: &[(&str, &'static [&'static str])], id: &str) -> &'static [&'static str] {
    list.iter().find(|(lesson, _)| *lesson == id).map_or(&[], |(_, facts)| facts)
}

/// Runs made in all until the measured facts have to hold.
pub const CHANCES: usize = 3;

/// Makes a run of this lesson, and makes it again, at most twice, as long as nothing but measured facts speaks against it.
/// `facts` gives the facts of a run; `None` if it did not come to its end as it should.
pub fn decided<T>(id: &str, mut make: impl FnMut() -> T, facts: impl Fn(&T) -> Option<Vec<Fact>>) -> T {
    let mut ran = make();
    for chance in 2..=CHANCES {
        let Some(failed) = facts(&ran).and_then(|facts| undecided(id, &facts)) else { break };
        // Not by a macro, which would hide what a test prints that passes.
        let _ = writeln!(std::io::stderr(), "AGAIN: run {chance} of {id}, because this machine measured {failed:?}");
        ran = make();
    }
    ran
}

/// The measured facts that did not hold, in words; `None` if all facts held, or if one did not that is no measured one.
fn undecided(id: &str, facts: &[Fact]) -> Option<Vec<String>> {
    let measured = of(MEASURED, id);
    let failed: Vec<&Fact> = facts.iter().filter(|fact| !fact.holds).collect();
    let is_blurred = !failed.is_empty() && failed.iter().all(|fact| measured.contains(&fact.id.as_str()));
    let told = |fact: &&Fact| format!("{}: {}, not {}", fact.id, fact.observed, fact.expected);
    is_blurred.then(|| failed.iter().map(told).collect())
}
