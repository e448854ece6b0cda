//! The work that threads and processes are compared by. Pure.

/// Workers of a pool.
pub(super) const WORKERS: usize = 4;
/// Items that a queue holds.
pub(super) const QUEUE_CAPACITY: usize = 1024;

/// A task for a worker of a pool. It takes next to no time, so that the way to the worker and back is measured.
pub(super) const fn square(number: u64) -> u64 {
    number.wrapping_mul(number)
}
