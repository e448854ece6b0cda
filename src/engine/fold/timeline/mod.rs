//! What tasks, processes and GPIO lines did over time, for the view, in bounded memory.

pub(super) mod lanes;
mod order;
mod shared_texts;
pub(super) mod traces;
pub(super) mod track;
