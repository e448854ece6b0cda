//! Why something could not be done to a line or with a board.

use crate::model::Line;

/// Why something could not be done. Each message completes "could not …" or stands alone, and says what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GpioError {
    /// Somebody else holds it.
    #[error("could not use {line}: {holder} holds it; release it there, or take another line")]
    Held {
        /// The line.
        line: Line,
        /// The holder.
        holder: String,
    },
    /// A button drives it already.
    #[error("could not drive {0}: its button is pressed, which would be a short circuit on a real board; let it go first")]
    Pressed(Line),
    /// An output cannot be pressed.
    #[error("could not press {line}: it is an output of {holder}; only an input has a button")]
    IsOutput {
        /// The line.
        line: Line,
        /// The owner that drives it.
        holder: String,
    },
    /// Too much current on a real board.
    #[error(
        "could not set {line} high: {limit} outputs are high already, and a real board's pins give about 50 mA together; set one low first"
    )]
    TooManyHigh {
        /// The line.
        line: Line,
        /// How many may be high at once.
        limit: usize,
    },
    /// No such board.
    #[error("there is no board {0:?}; there are: auto, chardev, rppal, simulated")]
    UnknownBoard(String),
    /// A backend that cannot be used here.
    #[error("could not open the {kind} board: {why}; `tasklab doctor` shows what there is, and --board simulated always works")]
    NotAvailable {
        /// Which one.
        kind: String,
        /// The reason.
        why: String,
    },
    /// The user may not open it.
    #[error("no permission to open {path}: sudo usermod -a -G gpio $USER, then log in again; or use --board simulated")]
    Denied {
        /// The device.
        path: String,
    },
    /// The kernel or a driver refused.
    #[error("could not {what}: {why}")]
    Kernel {
        /// The attempt, such as `drive GPIO17`.
        what: String,
        /// The answer.
        why: String,
    },
    /// The safe level could not be driven.
    #[error("whether {} safe is not known: {}; look at what is wired there", lines_are(.0), reasons(.0))]
    NotSafe(Vec<(Line, String)>),
    /// Only the character device tells edges.
    #[error("could not watch {0}: the rppal board sees no edges; use a kernel with /dev/gpiochip*, or `tasklab gpio get`")]
    CannotWatch(Line),
    /// A real button is pressed by hand.
    #[error("could not press {0} from here: this is a real board, so press a real button; --board simulated has virtual ones")]
    RealButton(Line),
    /// The wire's other end drives it.
    #[error("could not drive {line}: a wire connects it with {from}, which is an output already")]
    Wired {
        /// The line.
        line: Line,
        /// The other end.
        from: Line,
    },
    /// No wire fits there.
    #[error(
        "could not lay a wire from {from} to {to}: a simulated board's wire goes from an output to an input that no other wire feeds"
    )]
    NoWire {
        /// One end.
        from: Line,
        /// The other.
        to: Line,
    },
}

fn lines_are(problems: &[(Line, String)]) -> String {
    let lines: Vec<String> = problems.iter().map(|(line, _)| line.to_string()).collect();
    format!("{} {}", lines.join(", "), if lines.len() == 1 { "is" } else { "are" })
}

fn reasons(problems: &[(Line, String)]) -> String {
    problems.iter().map(|(_, why)| why.as_str()).collect::<Vec<_>>().join("; ")
}
