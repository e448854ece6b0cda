//! Rules for every scenario of the catalogue, so that a new one is tested for free.

use std::collections::BTreeSet;

use tasklab::model::{Action, TimedAction};
use tasklab::scenario::{ActionSpec, CATALOGUE, Chapter, REPLAY, Scenario, knobs};

#[test]
fn ids_are_unique_and_named_like_their_folders() {
    let ids: BTreeSet<_> = CATALOGUE.iter().map(|scenario| scenario.id).collect();
    assert_eq!(ids.len(), CATALOGUE.len());
    for scenario in CATALOGUE {
        let package = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
        let beside = [("body.rs", scenario.rust), ("body.py", scenario.python), ("text.md", scenario.text)];
        let folder = package.join("src/scenario").join(chapter(scenario)).join(scenario.id.replace('-', "_"));
        for (name, text) in beside {
            let path = folder.join(name);
            assert_eq!(std::fs::read_to_string(&path).expect(name), text, "{}", path.display());
        }
    }
}

/// The folder of its chapter.
fn chapter(scenario: &Scenario) -> &'static str {
    match scenario.chapter {
        Chapter::Processes => "processes",
        Chapter::Threads => "threads",
        Chapter::Pools => "pools",
        Chapter::Programs => "programs",
        Chapter::Time => "time",
    }
}

#[test]
fn chapters_stand_together() {
    let mut seen = Vec::new();
    for scenario in CATALOGUE {
        if seen.last() != Some(&scenario.chapter) {
            assert!(!seen.contains(&scenario.chapter), "{} stands apart from its chapter", scenario.id);
            seen.push(scenario.chapter);
        }
    }
    assert!(seen.is_sorted(), "{seen:?}");
}

#[test]
fn a_card_is_short() {
    for scenario in CATALOGUE {
        let words = scenario.text.split_whitespace().count();
        assert!((20..=120).contains(&words), "{}: {words} words", scenario.id);
        assert!(scenario.title.chars().count() <= 30, "{}", scenario.title);
        assert!(!scenario.concepts.is_empty(), "{}", scenario.id);
    }
}

/// The demo's test checks that the runs of both languages show its fact.
#[test]
fn a_prediction_has_its_answer() {
    for scenario in CATALOGUE {
        let prediction = &scenario.prediction;
        assert!(prediction.ask.ends_with('?') && prediction.choices.len() >= 2, "{}", scenario.id);
        assert!(prediction.answer < prediction.choices.len(), "{}", scenario.id);
    }
}

#[test]
fn a_script_presses_what_there_is() {
    for scenario in CATALOGUE {
        for line in scenario.script {
            let timed: TimedAction = line.parse().unwrap_or_else(|error| panic!("{}: {error}", scenario.id));
            let does = |action: &&ActionSpec| {
                action.name == timed.action.word() && (!action.is_fixed || action.target == timed.action.target())
            };
            let declared = scenario.actions.iter().any(|action| does(&action));
            let engines_own = !matches!(timed.action, Action::Own { .. });
            assert!(declared || engines_own, "{}: {line:?} presses no button", scenario.id);
        }
    }
}

#[test]
fn defaults_lie_in_their_ranges() {
    for spec in CATALOGUE.iter().flat_map(|scenario| scenario.params) {
        let shown = match spec.default() {
            serde_json::Value::String(text) => text,
            other => other.to_string(),
        };
        assert_eq!(spec.parse(&shown), Ok(spec.default()), "{}: {}", spec.name, spec.range());
        assert!(!spec.meaning.is_empty() && !spec.meaning.ends_with('.'), "{}", spec.name);
    }
}

/// Lines of a body at most.
const LONGEST_BODY: [usize; 2] = [120, 80];

/// A plain body is what one would write oneself: short, and for itself.
#[test]
fn a_plain_body_is_short_and_knows_nothing_of_task_lab() {
    for scenario in CATALOGUE {
        for (text, most) in [scenario.rust, scenario.python].into_iter().zip(LONGEST_BODY) {
            assert!(text.lines().count() <= most, "{}: {} lines, of {most}", scenario.id, text.lines().count());
        }
        assert!(!scenario.python.contains("tasklab"), "{}", scenario.id);
        for word in ["Fact", "gpio", "deadline", "/proc"] {
            let switches_an_led = word == "gpio" && scenario.id == "blink";
            assert!(switches_an_led || !scenario.rust.contains(word), "{}: {word} is no part of a plain body", scenario.id);
        }
        let sentences = scenario.intro().matches(". ").count() + 1;
        assert!(sentences <= 2 && scenario.explanation().is_some(), "{}: {:?}", scenario.id, scenario.intro());
    }
}

/// The parameters of a plain lesson are the knobs of its body, with the same defaults and in the same order.
#[test]
fn a_plain_body_has_the_parameters_of_its_card() {
    for scenario in CATALOGUE {
        let declared: Vec<_> = scenario
            .params
            .iter()
            .filter(|spec| spec.name != REPLAY)
            .map(|spec| (spec.name.to_owned(), spec.default()))
            .collect();
        let mut found: Vec<_> = knobs(scenario.python).into_iter().map(|knob| (knob.name, knob.value)).collect();
        found.truncate(declared.len());
        assert_eq!(found, declared, "{}", scenario.id);
    }
}
