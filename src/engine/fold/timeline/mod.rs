//! The past of threads, processes, tasks and GPIO lines, for the view. The files of `lanes`, from the bottom up: `sums`, `track` (one lane),
//! `homes` (processes), `names`, `order`, `cores`, `pending`; `lanes` (all of them, and what programs say); `reasons`, `seen`, `settle`, `switches`
//! (the kernel's records), `delays` (schedstat's part of them), `wakes` (who let whom go on), `cpu` (the events `task.cpu`), `past` (what may
//! go).

mod cores;
mod cpu;
mod delays;
pub(super) mod homes;
pub(super) mod lanes;
mod names;
mod order;
mod past;
mod pending;
pub(in crate::engine) mod reasons;
pub(super) mod seen;
mod settle;
mod shared_texts;
mod sums;
mod switches;
#[cfg(test)]
mod tests;
pub(super) mod traces;
pub(super) mod track;
mod wakes;
