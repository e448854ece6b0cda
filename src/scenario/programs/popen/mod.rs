//! Every argument of `Popen`, and what the kernel made of it (concepts 72 and 74 to 81).

mod body;
mod card;

pub(crate) use card::POPEN;
