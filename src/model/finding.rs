//! One line of `tasklab doctor`: a fact about this machine, and the fix where it falls short.

use serde::{Deserialize, Serialize};

/// A fact about the machine, and the fix where it falls short.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MachineFinding {
    /// The topic, in a word or two: `kernel`, `limits of a run`.
    pub topic: String,
    /// The finding, in words.
    pub value: String,
    /// Whether Task Lab can use everything that depends on it.
    pub ok: bool,
    /// The fix: a command to copy, or a sentence.
    pub fix: Option<String>,
}

impl MachineFinding {
    /// Something that is as it should be.
    pub fn good(topic: &str, value: impl Into<String>) -> Self {
        Self { topic: topic.to_owned(), value: value.into(), ok: true, fix: None }
    }

    /// Something that falls short, and the fix.
    pub fn bad(topic: &str, value: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { topic: topic.to_owned(), value: value.into(), ok: false, fix: Some(fix.into()) }
    }
}
