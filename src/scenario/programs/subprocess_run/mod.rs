//! Running a program and waiting for it.

mod body;

pub(crate) use body::SUBPROCESS_RUN;
