//! Events as lines of JSON: the contract with bodies, recordings and other people's scripts.

mod body;
mod error;
mod keys;
mod line;
mod read;
mod write;

pub use body::{BodyLine, LineIntent};
pub use error::EventLineError;

#[cfg(test)]
mod tests;
