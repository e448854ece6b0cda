//! Every argument of `Popen`.

mod body;
mod card;
mod judge;

pub(crate) use card::POPEN;
