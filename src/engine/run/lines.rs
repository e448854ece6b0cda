//! The GPIO lines of one run: the intents of its body, its buttons, and the edges. Pure.

use std::collections::BTreeSet;

use crate::gpio::Waveform;
use crate::model::{Level, Line, LineIntent, Monotonic};

/// The owner of lines that the user drives.
pub(crate) const USER: &str = "you";

/// Edges of one run that are kept for its files: two minutes of a line that blinks a thousand times a second.
const EDGES_KEPT: usize = 1 << 18;

#[derive(Debug)]
pub(crate) struct RunLines {
    /// Intents that were not passed on yet.
    intents: Vec<LineIntent>,
    buttons: BTreeSet<Line>,
    waveform: Waveform,
}

impl RunLines {
    pub(crate) fn new() -> Self {
        Self { intents: Vec::new(), buttons: BTreeSet::new(), waveform: Waveform::with_limit(EDGES_KEPT) }
    }

    /// Takes in an intent of the body. A repeated intent is passed on once.
    pub(crate) fn intend(&mut self, intent: LineIntent) {
        let before = self.intents.iter().rev().find(|before| before.line() == intent.line());
        if before != Some(&intent) {
            self.intents.push(intent);
        }
    }

    /// The intents since the last call. Lines that the body watches are its buttons from now on.
    pub(crate) fn take_intents(&mut self) -> Vec<LineIntent> {
        let intents = std::mem::take(&mut self.intents);
        self.buttons.extend(intents.iter().filter(|intent| matches!(intent, LineIntent::Watch(_))).map(|intent| intent.line()));
        intents
    }

    /// Whether this line is a button of its body.
    pub(crate) fn is_button(&self, line: Line) -> bool {
        self.buttons.contains(&line)
    }

    /// A line has changed its level at `t`, a time of the run.
    pub(crate) fn edge(&mut self, t: Monotonic, line: Line, level: Level) {
        self.waveform.push(t, line, level);
    }

    /// The newest edges.
    pub(crate) const fn waveform(&self) -> &Waveform {
        &self.waveform
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_intent_is_passed_on_once_and_a_line_that_is_watched_is_a_button() {
        let mut lines = RunLines::new();
        let [driven, watched] = [17, 26].map(Line::gpio);
        let drive = |level| LineIntent::Drive(driven, level);
        for is_high in [true, true, false, false, true] {
            lines.intend(drive(Level::high_if(is_high)));
        }
        lines.intend(LineIntent::Watch(watched));
        assert!(!lines.is_button(watched));
        assert_eq!(lines.take_intents(), [drive(Level::High), drive(Level::Low), drive(Level::High), LineIntent::Watch(watched)]);
        assert!(lines.is_button(watched) && !lines.is_button(driven) && lines.take_intents().is_empty());
    }
}
