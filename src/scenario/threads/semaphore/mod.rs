//! Semaphores.

mod body;

pub(crate) use body::SEMAPHORE;
