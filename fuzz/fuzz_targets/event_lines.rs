//! `cargo +nightly fuzz run event_lines fuzz/corpus/event_lines fuzz/seeds/event_lines`
#![no_main]

#[path = "../../tests/fuzz/mod.rs"]
mod entry;

libfuzzer_sys::fuzz_target!(|data: &[u8]| entry::event_lines(data));
