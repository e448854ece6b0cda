//! An event as a line, and a line as an event. Pure.

use super::error::EventLineError;
use super::keys::Keys;
use super::write::EventKeys;
use crate::model::{Event, Monotonic};

impl Event {
    /// Its line of JSON, without the newline.
    pub fn to_line(&self) -> String {
        // No map key here is anything but a string, and no number is refused, so this cannot fail.
        let mut line = Vec::with_capacity(128);
        let written = EventKeys::serialize(self, &mut serde_json::Serializer::new(&mut line));
        written.ok().and_then(|()| String::from_utf8(line).ok()).unwrap_or_default()
    }

    /// Reads a line. `Ok(None)` for a kind that this version does not know: readers skip those.
    /// A line without `t` happened `arrived`.
    pub fn from_line(line: &[u8], arrived: Monotonic) -> Result<Option<Self>, EventLineError> {
        if line.trim_ascii_start().first() != Some(&b'{') {
            return Err(EventLineError::NotAnObject);
        }
        let keys: Keys<'_> = serde_json::from_slice(line)?;
        if let Some(key) = keys.overflow() {
            return Err(EventLineError::Key { kind: keys.kind.into_owned(), key });
        }
        let t = keys.t.map_or(arrived, Monotonic::from_nanos);
        Ok(keys.into_kind()?.map(|kind| Self { t, kind }))
    }
}
