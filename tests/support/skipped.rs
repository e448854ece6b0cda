//! Reports of checks that cannot be made on this machine.

use std::io::Write;

/// Says that the calling test has skipped something, and why, in one line. libtest cannot skip a test that has begun, so that it
/// counts as passed; `make test` counts these lines.
pub fn skipped(reason: impl std::fmt::Display) {
    let thread = std::thread::current();
    let reason = reason.to_string();
    let words: Vec<&str> = reason.split_whitespace().collect();
    let line = format!("skipped: {}: {}\n", thread.name().unwrap_or("?"), words.join(" "));
    // Not by a macro: libtest keeps back what a test prints so that passes.
    let _ = std::io::stderr().write_all(line.as_bytes());
}
