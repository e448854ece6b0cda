//! The parts of a card: chapter, question, parameters, concepts, actions, facts.

pub(super) mod concepts;
pub(super) mod facts;
pub(super) mod leds;
pub(super) mod params;
pub(super) mod parts;

pub use concepts::concept;
pub use facts::{Facts, at_least, at_most, equals, more_than};
pub use params::{ParamError, ParamKind, ParamSpec, Params, choice, count, flag, seconds, text};
pub use parts::{ActionSpec, Chapter, Note, ORDER_OF, Prediction, RELEASE, Reply, STEP, action, note};
