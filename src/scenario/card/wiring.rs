//! What a lesson's LEDs show and what its push buttons do: declared on its card, worked by the engine from the events of the run. Pure data.

use crate::model::Line;

/// The lines of a bar of eight LEDs, in the order in which they lie on it.
pub(crate) const LED_BAR: [Line; 8] = [
    Line::gpio(17),
    Line::gpio(27),
    Line::gpio(22),
    Line::gpio(23),
    Line::gpio(24),
    Line::gpio(25),
    Line::gpio(5),
    Line::gpio(6),
];

/// The LEDs and push buttons of a lesson.
#[derive(Debug)]
pub struct Wiring {
    /// What its LEDs show.
    pub leds: &'static [Leds],
    /// What its push buttons do.
    pub buttons: &'static [PushButton],
}

impl Wiring {
    /// Neither LEDs nor push buttons.
    pub const NONE: Self = Self { leds: &[], buttons: &[] };
}

/// One LED, or a bar of them: as many are lit, from the first one on, as there is of what they show.
#[derive(Debug)]
pub struct Leds {
    /// Their lines, in the order in which they lie on the bar.
    pub lines: &'static [Line],
    /// What they show.
    pub shows: Shows,
}

/// A number, from the events of the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shows {
    /// Tasks that hold this thing: `lock counter`.
    Holding(&'static str),
    /// Tasks that wait for this thing: `barrier gate`.
    WaitingAt(&'static str),
    /// 1 while this task runs: `worker-1`.
    Running(&'static str),
    /// Processes that have not ended and have a name that begins like this: `child-`.
    Alive(&'static str),
    /// Tasks that run and have a name that begins like this: `task-`.
    RunningLike(&'static str),
    /// Tasks that sleep and have this in their name: `worker-`.
    SleepingLike(&'static str),
    /// 1 while an event of this name is done: `blink`, and `blink-2` as well.
    Event(&'static str),
    /// Programs of this name that have not ended: `wc`.
    Program(&'static str),
    /// Threads that have started and have not ended, and have a name that begins like this: `worker-`.
    Started(&'static str),
    /// 1 while this event is set: `event go`.
    Set(&'static str),
    /// Items in this queue: `queue belt`.
    ItemsIn(&'static str),
    /// The whole number in this value, or whether it is true: `counter`.
    Value(&'static str),
}

/// One LED, whose rule follows.
pub const fn led(line: &'static [Line; 1]) -> Unwired {
    Unwired(line)
}

/// The bar of LEDs, whose rule follows.
pub const fn bar() -> Unwired {
    Unwired(&LED_BAR)
}

/// LEDs that show nothing yet.
#[derive(Debug)]
pub struct Unwired(&'static [Line]);

impl Unwired {
    /// They show this.
    pub const fn shows(self, shows: Shows) -> Leds {
        Leds { lines: self.0, shows }
    }
}

/// A push button between a line and ground.
#[derive(Debug)]
pub struct PushButton {
    /// Its line.
    pub line: Line,
    /// What a press does, as one types it after `--do`: `set event go`.
    pub does: &'static str,
}
