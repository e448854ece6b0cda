//! No lesson imports another one, and nothing stands between them: what several need is in `scenario/lesson`.

use super::{Control, Rule, breaks, keeps};
use crate::tree::Tree;

/// The folders with one folder a lesson.
const CHAPTERS: &[&str] = &["processes", "threads", "pools", "programs", "time"];

/// The rule.
pub const RULE: Rule = Rule { faults, controls };

/// The lesson that a file belongs to: its chapter and its name.
fn lesson(file: &str) -> Option<(&str, &str)> {
    let (chapter, rest) = file.strip_prefix("src/scenario/")?.split_once('/')?;
    let (name, _) = rest.split_once('/')?;
    CHAPTERS.contains(&chapter).then_some((chapter, name))
}

/// Whether a file stands in a chapter, and in no lesson of it.
fn is_shared(file: &str) -> bool {
    let chapter = file.strip_prefix("src/scenario/").and_then(|rest| rest.strip_suffix(".rs")?.split_once('/'));
    chapter.is_some_and(|(chapter, rest)| CHAPTERS.contains(&chapter) && rest != "mod" && !rest.contains('/'))
}

fn faults(tree: &Tree) -> Vec<String> {
    let shared = tree.sources().filter(|(file, _)| is_shared(file));
    let mut faults: Vec<String> =
        shared.map(|(file, _)| format!("{file}:1: stands in no lesson; what several need is in lesson/")).collect();
    for import in &tree.imports {
        if let (Some(own), Some(other)) = (lesson(&import.from), lesson(&import.to))
            && own != other
        {
            let (file, line, path) = (&import.from, import.line, &import.path);
            faults.push(format!("{file}:{line}: imports another lesson: {path} stands in {}", import.to));
        }
    }
    faults
}

fn controls() -> Vec<Control> {
    let lessons = |lock: &'static str| {
        [
            ("src/scenario/mod.rs", "mod lesson; mod threads;"),
            ("src/scenario/lesson/mod.rs", "mod until; pub use until::until;"),
            ("src/scenario/lesson/until.rs", "pub fn until() {}"),
            ("src/scenario/threads/mod.rs", "pub mod lock; pub mod race;"),
            ("src/scenario/threads/lock/mod.rs", "mod body; mod card; pub use card::CARD;"),
            ("src/scenario/threads/lock/card.rs", "use super::body::body; pub const CARD: u8 = 1;"),
            ("src/scenario/threads/lock/body.rs", lock),
            ("src/scenario/threads/race/mod.rs", "mod body; pub use body::LED_BAR;"),
            ("src/scenario/threads/race/body.rs", "pub const LED_BAR: u8 = 1;"),
        ]
    };
    vec![
        breaks("lock/body.rs:2: imports another lesson", &lessons("//! Lock.\nuse super::super::race::LED_BAR;")),
        breaks("imports another lesson", &lessons("fn body() { crate::scenario::threads::race::LED_BAR }")),
        breaks("leds.rs:1: stands in no lesson", &[("src/scenario/threads/leds.rs", "")]),
        keeps(&lessons("use super::CARD; use crate::scenario::lesson::until;")),
    ]
}
