//! The parts of a card: chapter, question, parameters, concepts, actions, LEDs, facts, and the judge.

pub(super) mod concepts;
pub(super) mod facts;
pub(super) mod family;
pub(super) mod judge;
pub(super) mod knobs;
pub(super) mod params;
pub(super) mod parts;
pub(super) mod printed;
pub(super) mod printed_lines;
pub(super) mod seen;
pub(super) mod wiring;

pub use concepts::concept;
pub use facts::{Facts, at_least, at_most, equals, lasts, more_than};
pub(crate) use family::{Family, leading_number};
pub use judge::{Judge, OpenWaits, Operation, WaitOver};
pub use knobs::{Knob, changes, knobs, with_knobs};
pub use params::{ParamError, ParamKind, ParamSpec, Params, choice, count, flag, replay, seconds, text};
pub use parts::{ActionSpec, Chapter, Note, ORDER_OF, Prediction, RELEASE, REPLAY, Reply, STEP, action, note, on};
pub use printed::Printed;
pub(crate) use printed_lines::PrintedLines;
pub use wiring::{Leds, PushButton, Shows, Unwired, Wiring, bar, led};
