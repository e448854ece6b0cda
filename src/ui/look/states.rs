//! How a state looks: glyph, word, colour and pattern, the same everywhere in the window. Pure; never colour alone.

use crate::model::{ExitStatus, LaneState, ProcessRow, ProcessState, TaskState, ThreadSample};

use crate::ui::look::theme::{Palette, Tone};

/// One way to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Look {
    /// Made, not begun.
    Created,
    /// Could run.
    Ready,
    /// On a core.
    OnCore,
    /// Runs, as its program says.
    Running,
    /// Waits for something: the kernel keeps it off the cores.
    Blocked,
    /// Waits for somebody, as its program says.
    Waiting,
    /// Sleeps.
    Sleeping,
    /// Stopped by a signal.
    Stopped,
    /// Ended and not waited on.
    Zombie,
    /// Ended well.
    Done,
    /// Ended badly.
    Failed,
    /// Not known.
    Unknown,
}

impl Look {
    /// Those that the timeline's legend names.
    pub const LEGEND: [Self; 6] = [Self::OnCore, Self::Ready, Self::Blocked, Self::Sleeping, Self::Stopped, Self::Zombie];

    /// Its sign.
    pub const fn glyph(self) -> &'static str {
        match self {
            Self::Created => "◌",
            Self::Ready => "◇",
            Self::OnCore | Self::Running => "●",
            Self::Blocked | Self::Waiting => "⏳",
            Self::Sleeping => "🌙",
            Self::Stopped => "⏸",
            Self::Zombie => "☠",
            Self::Done => "✔",
            Self::Failed => "✖",
            Self::Unknown => "?",
        }
    }

    /// Its word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Ready => "ready",
            Self::OnCore => "on a core",
            Self::Running => "running",
            Self::Blocked => "blocked",
            Self::Waiting => "waiting",
            Self::Sleeping => "sleeping",
            Self::Stopped => "stopped",
            Self::Zombie => "zombie",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
        }
    }

    /// Its colours.
    pub const fn tone(self, palette: &Palette) -> Tone {
        match self {
            Self::OnCore | Self::Running => palette.green,
            Self::Ready => palette.blue,
            Self::Blocked | Self::Waiting => palette.orange,
            Self::Stopped => palette.purple,
            Self::Zombie | Self::Failed => palette.vermilion,
            Self::Created | Self::Sleeping | Self::Done | Self::Unknown => palette.grey,
        }
    }

    /// Whether it is worth bold letters: somebody may have to act.
    pub const fn is_loud(self) -> bool {
        matches!(self, Self::Blocked | Self::Waiting | Self::Stopped | Self::Zombie | Self::Failed)
    }
}

impl From<TaskState> for Look {
    fn from(state: TaskState) -> Self {
        match state {
            TaskState::Created | TaskState::Starting => Self::Created,
            TaskState::Ready => Self::Ready,
            TaskState::Running => Self::Running,
            TaskState::Waiting => Self::Waiting,
            TaskState::Sleeping => Self::Sleeping,
            TaskState::Stopped => Self::Stopped,
            TaskState::Zombie => Self::Zombie,
            TaskState::Done => Self::Done,
            TaskState::Failed => Self::Failed,
        }
    }
}

impl From<LaneState> for Look {
    fn from(state: LaneState) -> Self {
        match state {
            LaneState::OnCore | LaneState::Mixed => Self::OnCore,
            LaneState::Running => Self::Running,
            LaneState::Ready => Self::Ready,
            LaneState::Blocked => Self::Blocked,
            LaneState::Sleeping => Self::Sleeping,
            LaneState::Stopped => Self::Stopped,
            LaneState::Zombie => Self::Zombie,
            LaneState::Created => Self::Created,
            LaneState::Unknown => Self::Unknown,
            LaneState::Nothing => Self::Done,
        }
    }
}

impl From<ProcessState> for Look {
    fn from(state: ProcessState) -> Self {
        match state {
            ProcessState::Running => Self::Running,
            ProcessState::DiskSleep => Self::Waiting,
            ProcessState::Stopped | ProcessState::TracingStop => Self::Stopped,
            ProcessState::Zombie => Self::Zombie,
            ProcessState::Dead => Self::Done,
            ProcessState::Starting => Self::Created,
            ProcessState::Sleeping | ProcessState::Idle | ProcessState::Parked | ProcessState::Unknown(_) => Self::Sleeping,
        }
    }
}

/// How a process looks, and the word for it.
pub fn process_look(row: &ProcessRow) -> (Look, String) {
    match (row.status, row.is_reaped()) {
        (Some(status), true) => (if status.is_success() { Look::Done } else { Look::Failed }, status_word(status)),
        (Some(_), false) => (Look::Zombie, Look::Zombie.word().to_owned()),
        (None, _) => {
            let look = Look::from(row.state);
            let word = match row.state {
                ProcessState::Running | ProcessState::Sleeping | ProcessState::Stopped | ProcessState::Zombie => look.word(),
                other => other.word(),
            };
            (look, word.to_owned())
        }
    }
}

/// How a thread looks: a sleeper of which it is known what it waits for is a waiter.
pub fn thread_look(thread: &ThreadSample) -> Look {
    match Look::from(thread.state) {
        Look::Sleeping if !thread.waits_for.is_empty() => Look::Waiting,
        look => look,
    }
}

/// `exited 3`, `SIGKILL`: short enough for a table.
pub fn status_word(status: ExitStatus) -> String {
    match status {
        ExitStatus::Exited(code) => format!("exited {code}"),
        ExitStatus::Signaled { signal, .. } => signal.to_string(),
        ExitStatus::Unknown => "ended".to_owned(),
    }
}

/// Bytes for a narrow column: `812 K`, `3.1 M`, `2.0 G`.
pub fn short_bytes(bytes: u64) -> String {
    let bytes = bytes as f64;
    for (limit, unit, letter) in [(1024.0 * 1024.0, 1024.0, 'K'), (1024.0_f64.powi(3), 1024.0 * 1024.0, 'M')] {
        if bytes < limit {
            let value = bytes / unit;
            return if letter == 'K' { format!("{value:.0} {letter}") } else { format!("{value:.1} {letter}") };
        }
    }
    format!("{:.1} G", bytes / 1024.0_f64.powi(3))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Signal;
    use crate::ui::sample;

    #[test]
    fn a_dead_child_that_nobody_waited_on_is_a_zombie_and_a_reaped_one_shows_its_status() {
        let mut row = sample::process(4716, "sort");
        row.status = Some(ExitStatus::Exited(0));
        assert_eq!(process_look(&row).0, Look::Zombie);
        row.reaped = Some(row.ended.unwrap_or_default());
        assert_eq!(process_look(&row), (Look::Done, "exited 0".to_owned()));
        row.status = Some(ExitStatus::Signaled { signal: Signal::KILL, core_dumped: false });
        assert_eq!(process_look(&row), (Look::Failed, "SIGKILL".to_owned()));
        row.status = Some(ExitStatus::Unknown);
        assert_eq!(process_look(&row).0, Look::Failed, "nobody can say it went well");
    }

    #[test]
    fn a_child_that_nobody_has_looked_at_yet_is_starting() {
        let mut row = sample::process(4716, "sort");
        row.state = ProcessState::Starting;
        assert_eq!(process_look(&row), (Look::Created, "starting".to_owned()));
        row.state = ProcessState::Running;
        assert_eq!(process_look(&row).0, Look::Running);
    }

    #[test]
    fn sizes_fit_a_narrow_column() {
        for (bytes, text) in [(0, "0 K"), (3_250_586, "3.1 M"), (2 << 30, "2.0 G")] {
            assert_eq!(short_bytes(bytes), text);
        }
    }
}
