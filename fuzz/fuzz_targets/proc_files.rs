//! `cargo +nightly fuzz run proc_files fuzz/corpus/proc_files fuzz/seeds/proc_files`
#![no_main]

#[path = "../../tests/fuzz/mod.rs"]
mod entry;

libfuzzer_sys::fuzz_target!(|data: &[u8]| entry::proc_files(data));
