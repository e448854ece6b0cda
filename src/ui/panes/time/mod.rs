//! Views along time: lanes, levels of lines, and orders of steps.

mod area;
mod arrangement;
mod arrows;
mod core_lanes;
mod head;
mod hover;
mod input;
pub(crate) mod interleavings;
mod marks;
mod minimap;
mod paint;
mod path;
mod pieces;
mod repaint;
mod rows;
pub(crate) mod scale;
mod sight;
pub(crate) mod timeline;
mod waveform;
