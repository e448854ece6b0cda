//! Parts of a card: the chapter, the question, the actions, the notes. Pure.

/// The reply to an action: that it was done; if not, why, as a clause that says what would be accepted.
pub type Reply = Result<(), String>;

/// A heading of the library.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Chapter {
    /// Processes.
    Processes,
    /// Threads.
    Threads,
    /// Pools, queues, futures.
    Pools,
    /// Programs.
    Programs,
    /// Time and distance.
    Time,
}

impl Chapter {
    /// All, in the library's order.
    pub const ALL: [Self; 5] = [Self::Processes, Self::Threads, Self::Pools, Self::Programs, Self::Time];

    /// Its heading.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Processes => "Processes",
            Self::Threads => "Threads",
            Self::Pools => "Pools, queues, futures",
            Self::Programs => "Programs",
            Self::Time => "Time and distance",
        }
    }
}

/// A question with choices. A fact gives the answer that was measured.
#[derive(Debug)]
pub struct Prediction {
    /// The question.
    pub ask: &'static str,
    /// The possible answers.
    pub choices: &'static [&'static str],
    /// The index of the choice that holds at default parameters.
    pub answer: usize,
    /// The fact whose observed value answers it.
    pub fact: &'static str,
}

/// Something that a person can do to the running scenario.
#[derive(Debug)]
pub struct ActionSpec {
    /// Its name for `--do` and `TASKLAB_CONTROL`.
    pub name: &'static str,
    /// The text of the button.
    pub label: &'static str,
    /// Its effect, in one line.
    pub meaning: &'static str,
    /// Its target, as a manual page has it: `CHILD`, `[CHILD]` where that may be left out, empty where it takes nothing.
    pub target: &'static str,
}

/// Declares an action that takes no target.
pub const fn action(name: &'static str, label: &'static str, meaning: &'static str) -> ActionSpec {
    ActionSpec { name, label, meaning, target: "" }
}

impl ActionSpec {
    /// The same, done to something: `CHILD`, or `[CHILD]` where that may be left out.
    #[must_use]
    pub const fn on(self, target: &'static str) -> Self {
        Self { target, ..self }
    }

    /// How it is written: `wait CHILD`.
    pub fn usage(&self) -> String {
        format!("{} {}", self.name, self.target).trim_end().to_owned()
    }

    /// Whether this can be its target, as far as there has to be one, or must not; if not, why.
    pub(crate) fn accepts(&self, target: &str) -> Reply {
        match (self.target, target.trim()) {
            ("", given) if !given.is_empty() => Err("it takes no target".to_owned()),
            (wanted, "") if !wanted.is_empty() && !wanted.starts_with('[') => {
                Err(format!("it needs a target, as in `{}`", self.usage()))
            }
            _ => Ok(()),
        }
    }
}

/// A difference between a book and this machine.
#[derive(Debug)]
pub struct Note {
    /// The word of the books.
    pub book: &'static str,
    /// The finding on this machine, with the name of the value or fact that was measured in braces: `{observed}`. Where it begins with
    /// `not on this machine`, it says how it is elsewhere, and gets that heading.
    pub shows: &'static str,
}

/// Declares a note.
pub const fn note(book: &'static str, shows: &'static str) -> Note {
    Note { book, shows }
}
