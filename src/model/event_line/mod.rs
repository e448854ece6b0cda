//! Events as lines of JSON: the contract with bodies, recordings and other people's scripts.

mod error;
mod keys;
mod line;
mod read;
mod write;

pub use error::EventLineError;

#[cfg(test)]
mod tests;
