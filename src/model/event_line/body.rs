//! The event lines of a lesson's body: facts, and intents for the header. An intent becomes a fact once the board has answered.

use super::error::EventLineError;
use crate::model::{Event, EventKind, Level, Line, Monotonic};

/// The intent of a body for a line of the header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineIntent {
    /// Drive it to this level.
    Drive(Line, Level),
    /// Tell the body of each press of the line's button.
    Watch(Line),
}

impl LineIntent {
    /// Which line.
    pub const fn line(self) -> Line {
        match self {
            Self::Drive(line, _) | Self::Watch(line) => line,
        }
    }

    /// Its line of JSON, which has the form of the event that the body hopes for.
    pub fn to_line(self, t: Monotonic) -> String {
        let kind = match self {
            Self::Drive(line, level) => EventKind::Gpio { line, level },
            Self::Watch(line) => EventKind::Watched { line },
        };
        Event { t, kind }.to_line()
    }
}

/// One line of a body.
#[derive(Debug, Clone, PartialEq)]
pub enum BodyLine {
    /// Something has happened.
    Fact(Event),
    /// The body wants something of the header.
    Intent(Monotonic, LineIntent),
}

impl BodyLine {
    /// Reads a line, as [`Event::from_line`] does.
    pub fn from_line(line: &[u8], arrived: Monotonic) -> Result<Option<Self>, EventLineError> {
        let event = Event::from_line(line, arrived)?;
        Ok(event.map(|event| match event.kind {
            EventKind::Gpio { line, level } => Self::Intent(event.t, LineIntent::Drive(line, level)),
            EventKind::Watched { line } => Self::Intent(event.t, LineIntent::Watch(line)),
            _ => Self::Fact(event),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intents_are_told_apart_from_facts_and_read_back() {
        let (t, line) = (Monotonic::from_nanos(5), Line::gpio(26));
        for intent in [LineIntent::Drive(line, Level::High), LineIntent::Watch(line)] {
            let read = BodyLine::from_line(intent.to_line(t).as_bytes(), Monotonic::ZERO).expect("valid");
            assert_eq!(read, Some(BodyLine::Intent(t, intent)));
        }
        let notice = Event { t, kind: EventKind::Notice { text: "x".to_owned() } };
        let read = BodyLine::from_line(notice.to_line().as_bytes(), Monotonic::ZERO).expect("valid");
        assert_eq!(read, Some(BodyLine::Fact(notice)));
    }
}
