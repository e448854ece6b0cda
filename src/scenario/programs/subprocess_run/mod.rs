//! Running a program and waiting for it.

mod body;
mod card;
mod judge;

pub(crate) use card::SUBPROCESS_RUN;
