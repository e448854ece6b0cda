//! One line of `tasklab doctor`: something about this machine, and what to do where it falls short.

use serde::{Deserialize, Serialize};

/// A fact about the machine, and its fix where there is one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// What was looked at, in a word or two: `kernel`, `limits of a run`.
    pub topic: String,
    /// What was found, in words.
    pub value: String,
    /// Whether Task Lab can use everything that hangs on it.
    pub ok: bool,
    /// What a person can do about it: a command to copy, or a sentence.
    pub fix: Option<String>,
}

impl Finding {
    /// Something that is as it should be.
    pub fn good(topic: &str, value: impl Into<String>) -> Self {
        Self { topic: topic.to_owned(), value: value.into(), ok: true, fix: None }
    }

    /// Something that falls short, and what helps.
    pub fn bad(topic: &str, value: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { topic: topic.to_owned(), value: value.into(), ok: false, fix: Some(fix.into()) }
    }
}
