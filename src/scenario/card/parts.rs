//! Parts of a card: the chapter, the question, the actions, the notes. Pure.

use crate::model::Action;

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
    /// The text of the button; empty where it is what one types: `reset barrier gate`.
    label: &'static str,
    /// Its effect, in one line.
    pub meaning: &'static str,
    /// Its target, as a manual page has it: `CHILD`, `[CHILD]` where that may be left out, empty where it takes nothing; or the thing or
    /// task that the lesson has, `barrier gate`.
    pub target: &'static str,
    /// Whether the target is the lesson's own thing or task, and not for the person to choose.
    pub is_fixed: bool,
}

/// The action that takes a lock from the task that holds it.
pub const RELEASE: &str = "release";
/// The action of step mode; the value that says `on` or `off`; and the beginning of a wait at a gate: `step: acquire lock A`.
pub const STEP: &str = "step";

/// The parameter of a lesson that its bodies do not have: an order of steps to follow.
pub const REPLAY: &str = "replay";

/// The beginning of the name of a value that shows the order of a run's steps, with a letter for the task of each: `order of light-2`.
pub const ORDER_OF: &str = "order of ";

/// Declares an action that takes no target.
pub const fn action(name: &'static str, label: &'static str, meaning: &'static str) -> ActionSpec {
    ActionSpec { name, label, meaning, target: "", is_fixed: false }
}

/// Declares an action on a thing or task of the lesson: `on("reset", "barrier gate", "mends the barrier")`.
pub const fn on(name: &'static str, target: &'static str, meaning: &'static str) -> ActionSpec {
    ActionSpec { name, label: "", meaning, target, is_fixed: true }
}

impl ActionSpec {
    /// The text of the button.
    pub fn label(&self) -> String {
        if self.label.is_empty() { self.usage() } else { self.label.to_owned() }
    }

    /// It, done to this target. A wait is an action of Task Lab's own, which the engine passes on to the body; every other one is
    /// the scenario's, whatever its name.
    pub fn done_to(&self, target: &str) -> Action {
        match Action::from_words(self.name, target) {
            wait @ (Action::Wait(_) | Action::WaitAny(_) | Action::WaitAll(_)) => wait,
            _ => Action::own(self.name, target),
        }
    }

    /// The same, done to something: `CHILD`, or `[CHILD]` where that may be left out.
    #[must_use]
    pub const fn on(self, target: &'static str) -> Self {
        Self { target, ..self }
    }

    /// How it is written: `wait CHILD`.
    pub fn usage(&self) -> String {
        format!("{} {}", self.name, self.target).trim_end().to_owned()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_action_of_a_card_is_the_scenario_s_own_unless_it_is_a_wait() {
        let done = |name, target| action(name, "", "").done_to(target);
        assert_eq!(done("kill", "child-1"), Action::own("kill", "child-1"));
        assert_eq!(done("end", ""), Action::own("end", ""));
        assert_eq!(done("wait", "child-1"), Action::Wait("child-1".into()));
        assert_eq!(done("wait-any", ""), Action::WaitAny(None));
        assert_eq!(done("wait", ""), Action::own("wait", ""), "the body waits on all");
    }
}
