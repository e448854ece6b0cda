//! `cargo +nightly fuzz run protocol fuzz/corpus/protocol fuzz/seeds/protocol`
#![no_main]

#[path = "../../tests/fuzz/mod.rs"]
mod entry;

libfuzzer_sys::fuzz_target!(|data: &[u8]| entry::protocol(data));
