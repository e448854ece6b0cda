//! Semaphores.

mod body;
mod card;

pub(crate) use card::SEMAPHORE;
