//! The same work done in two or more ways, and what each way took. Plain data; the engine gives the verdict.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use super::{Outcome, RunCost};

/// One run of one variant, measured.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Measured {
    /// Its result.
    pub outcome: Outcome,
    /// From the launch to the last process's end, in seconds.
    pub elapsed_s: f64,
    /// The resources that it has used.
    #[serde(flatten)]
    pub cost: RunCost,
    /// Facts that held.
    pub facts_held: usize,
    /// Facts that were checked.
    pub facts: usize,
    /// The last values that the scenario showed.
    pub values: BTreeMap<String, Value>,
}

impl Measured {
    /// How many cores were busy on average: CPU time in elapsed time.
    pub fn cores(&self) -> f64 {
        if self.elapsed_s > 0.0 { self.cost.cpu_s() / self.elapsed_s } else { 0.0 }
    }

    /// How many cores were busy with something else on average, as far as that was sampled.
    pub fn cores_elsewhere(&self) -> f64 {
        (self.cost.machine_cores - self.cores()).max(0.0)
    }
}

/// One way of doing the work.
#[derive(Debug, Clone, PartialEq)]
pub struct Variant {
    /// The value, such as `processes` or `4`.
    pub value: Value,
    /// Its name in a table or a sentence: `processes`, `workers=4`.
    pub label: String,
    /// Its runs, in order.
    pub runs: Vec<Measured>,
}

impl Variant {
    /// The run that took the median time (of an even number, the faster of the two in the middle).
    pub fn typical(&self) -> Option<&Measured> {
        let mut runs: Vec<&Measured> = self.runs.iter().collect();
        runs.sort_by(|a, b| a.elapsed_s.total_cmp(&b.elapsed_s));
        runs.get(runs.len().saturating_sub(1) / 2).copied()
    }
}

/// The progress of a comparison.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// This variant runs now, in this round; both count from 0.
    Running {
        /// Which variant.
        variant: usize,
        /// The round of the repeats.
        round: u32,
    },
    /// All runs are over.
    Done,
    /// It was ended early, for this reason (a sentence).
    Stopped(String),
}

/// A scenario run in two or more ways.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// The scenario's id.
    pub scenario: String,
    /// The parameter that differs, or `language`.
    pub name: String,
    /// How often each variant runs.
    pub repeat: u32,
    /// The variants, as they were asked for.
    pub variants: Vec<Variant>,
    /// Its progress.
    pub progress: Progress,
    /// The conclusion from the numbers, in one line; empty until it is done.
    pub verdict: String,
}
