//! The lessons: the catalogue, what a scenario is made of, and the stage that its body runs on.

mod definition;
mod params;

pub use definition::{ActionSpec, Chapter, Note, Prediction, Scenario, action, note};
pub use params::{ParamError, ParamKind, ParamSpec, Params, choice, count, flag, seconds, text};

/// Every scenario, in the order of the library.
pub const CATALOGUE: &[&Scenario] = &[];

// Placeholders until the stage is here.
#[expect(missing_docs)]
#[derive(Debug)]
pub struct Stage;
#[expect(missing_docs)]
pub type Facts = Vec<crate::model::Fact>;
#[expect(missing_docs)]
#[derive(Debug)]
pub struct StageError;
