//! Running a program and waiting for it.

mod body;
mod card;

pub(crate) use card::SUBPROCESS_RUN;
