//! The command line as people and scripts use it: the real program, its streams, its terminals, its files and its exit statuses.
#![expect(clippy::expect_used, reason = "the helpers of tests fail loudly, too")]

mod bench;
mod compare;
mod foreign_locks;
mod gpio;
mod harmless;
mod observe;
mod paths;
mod terminal;
mod things;
mod unread;
mod verbs;
mod whole_lines;
