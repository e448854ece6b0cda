//! The GPIO lines of one run: the intents of its body, its buttons, and the edges. Pure.

use std::collections::BTreeSet;

use crate::engine::fold::sentences::WATCH;
use crate::gpio::Waveform;
use crate::model::{EventKind, Level, Line, Monotonic};

/// The owner of lines that the user drives.
pub(crate) const USER: &str = "you";

/// Edges of one run that are kept for its files: two minutes of a line that blinks a thousand times a second.
const EDGES_KEPT: usize = 1 << 18;

/// The intent of a body for a line of the header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LineIntent {
    /// Drive it to this level.
    Level(Line, Level),
    /// Hear when its button is pressed.
    Button(Line),
}

impl LineIntent {
    /// The intent that a body's event stands for: the board tells later whether the line has changed.
    fn of(kind: &EventKind) -> Option<Self> {
        match kind {
            EventKind::Gpio { line, level } => Some(Self::Level(*line, *level)),
            EventKind::Action { action, .. } if action.word() == WATCH => action.target().parse().ok().map(Self::Button),
            _ => None,
        }
    }

    const fn line(self) -> Line {
        match self {
            Self::Level(line, _) | Self::Button(line) => line,
        }
    }
}

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

    /// Takes in the intent of a body's event, if it has one. A repeated intent is passed on once.
    pub(crate) fn hear(&mut self, kind: &EventKind) {
        let Some(intent) = LineIntent::of(kind) else { return };
        let before = self.intents.iter().rev().find(|before| before.line() == intent.line());
        if before != Some(&intent) {
            self.intents.push(intent);
        }
    }

    /// The intents since the last call. Lines that the body watches are its buttons from now on.
    pub(crate) fn take_intents(&mut self) -> Vec<LineIntent> {
        let intents = std::mem::take(&mut self.intents);
        self.buttons.extend(intents.iter().filter(|intent| matches!(intent, LineIntent::Button(_))).map(|intent| intent.line()));
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
    use crate::model::{Action, By};

    #[test]
    fn an_intent_is_passed_on_once_and_a_line_that_is_watched_is_a_button() {
        let mut lines = RunLines::new();
        let [driven, watched] = [17, 26].map(Line::gpio);
        for is_high in [true, true, false, false, true] {
            lines.hear(&EventKind::Gpio { line: driven, level: Level::high_if(is_high) });
        }
        let watch = |target: &str| EventKind::Action { action: Action::own(WATCH, target), by: By::Lesson };
        lines.hear(&watch("GPIO26"));
        lines.hear(&watch("nothing"));
        lines.hear(&EventKind::Notice { text: String::new() });
        let level = |level| LineIntent::Level(driven, level);
        let button = LineIntent::Button(watched);
        assert!(!lines.is_button(watched));
        assert_eq!(lines.take_intents(), [level(Level::High), level(Level::Low), level(Level::High), button]);
        assert!(lines.is_button(watched) && !lines.is_button(driven) && lines.take_intents().is_empty());
    }
}
