//! The parts that read of runs what the kernel tells, each on a thread of its own: samples of processes, reasons of waits, and switch
//! records.

pub(super) mod reasons;
pub(super) mod sampler;
mod start;
pub(super) mod switches;

pub(super) use start::Readers;
