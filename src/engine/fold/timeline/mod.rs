//! The past of tasks, processes and GPIO lines, for the view, in bounded memory.

pub(super) mod lanes;
mod order;
mod shared_texts;
pub(super) mod traces;
pub(super) mod track;
