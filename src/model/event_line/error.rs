//! Why a line is not an event. Pure.

use crate::model::ParseLineError;

/// Why a line is not an event.
#[derive(Debug, thiserror::Error)]
pub enum EventLineError {
    /// JSON of another shape (serde would take an array for the struct's fields in order).
    #[error("not an event line: no JSON object")]
    NotAnObject,
    /// Not a JSON object with fields of the right types.
    #[error("not an event line: {0}")]
    Json(#[from] serde_json::Error),
    /// The kind is known, and a key that it needs is missing or has a wrong value.
    #[error("an event line of kind {kind:?} needs a valid {key:?}")]
    Key {
        /// Its kind.
        kind: String,
        /// The key.
        key: &'static str,
    },
    /// A `gpio` line about a pin that is no line of the header.
    #[error(transparent)]
    Pin(#[from] ParseLineError),
}
