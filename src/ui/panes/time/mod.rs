//! Views along time: lanes, levels of lines, and orders of steps.

pub(crate) mod interleavings;
mod scale;
pub(crate) mod timeline;
mod waveform;
