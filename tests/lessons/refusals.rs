//! A lesson says when it does not do an action: one that it did not declare, one with a target too many, with none, or with one that means
//! nothing, and an action that comes too late. Over the whole catalogue, in both languages.

use serde_json::{Value, json};
use support::lesson::{Ran, Running};
use tasklab::model::{Action, Event, EventKind, Language};
use tasklab::scenario::{ActionSpec, CATALOGUE, Scenario};

const BOTH: [Language; 2] = [Language::Rust, Language::Python];

/// No name, number or word that any lesson knows.
const NONSENSE: &str = "=no such thing=";

/// Actions whose target is the person's own text, so that nothing is nonsense.
const ANY_TEXT: [(&str, &str); 0] = [];

fn line(action: &str, target: &str) -> String {
    format!("{}\n", json!({ "do": action, "target": target }))
}

/// Runs a body to its end with all these lines on its control pipe from the start. Nobody else presses anything.
fn hearing(scenario: &Scenario, language: Language, params: &Value, lines: &[String]) -> Ran {
    let mut running = Running::start(scenario, language, params);
    running.write(&lines.concat());
    running.play(&[])
}

/// The reasons that were given for not doing this to that target.
fn reasons(ran: &Ran, wanted: &str, to: &str) -> Vec<String> {
    let reason = |event: &Event| match &event.kind {
        EventKind::ActionRefused { action, why, .. } if action.word() == wanted && action.target() == to => Some(why.to_string()),
        _ => None,
    };
    ran.events.iter().filter_map(reason).collect()
}

/// Each action of each lesson with a target that means nothing, and with none where there has to be one: it says why not.
#[test]
fn nonsense_is_refused_with_a_reason_and_never_silently() {
    for scenario in CATALOGUE {
        let takes_any = |action: &ActionSpec| ANY_TEXT.contains(&(scenario.id, action.name));
        let own: Vec<&ActionSpec> = scenario.actions.iter().filter(|action| action.name != "step").collect();
        let lines: Vec<String> = own
            .iter()
            .filter(|action| !takes_any(action))
            .map(|action| line(action.name, NONSENSE))
            .chain(own.iter().filter(|action| needs_target(action)).map(|action| line(action.name, "")))
            .chain([line("no-such-action", "")])
            .collect();
        let patience = scenario.params.iter().any(|spec| spec.name == "patience");
        let params = if patience { json!({ "patience": 1.0 }) } else { json!({}) };
        in_both(|language| {
            let ran = hearing(scenario, language, &params, &lines);
            assert_eq!(ran.code, Some(0), "{} {language}: it came to its end: {ran:#?}", scenario.id);
            for action in &own {
                let why = reasons(&ran, action.name, NONSENSE);
                assert!(
                    why.len() == usize::from(!takes_any(action)),
                    "{} {language}: {}: {:?}",
                    scenario.id,
                    action.name,
                    ran.refusals()
                );
                assert!(why.iter().all(|why| is_a_reason(why)), "{} {language}: {why:?}", scenario.id);
                if needs_target(action) {
                    let why = reasons(&ran, action.name, "");
                    assert!(why.iter().any(|why| why.contains(&action.usage())), "{} {language}: {why:?}", scenario.id);
                }
            }
            let why = reasons(&ran, "no-such-action", "");
            let names_all = |why: &String| own.iter().all(|action| why.contains(action.name)) || own.is_empty();
            assert!(why.iter().any(names_all), "{} {language}: {:?}", scenario.id, ran.refusals());
        });
    }
}

/// The same in both languages, at the same time.
fn in_both(body: impl Fn(Language) + Sync) {
    std::thread::scope(|scope| {
        let body = &body;
        let running = BOTH.map(|language| scope.spawn(move || body(language)));
        for one in running {
            one.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        }
    });
}

fn needs_target(action: &ActionSpec) -> bool {
    !action.target.is_empty() && !action.target.starts_with('[')
}

/// A clause in words, not only "no".
fn is_a_reason(why: &str) -> bool {
    why.split_whitespace().count() >= 3 && !why.ends_with('.') && !why.contains("None")
}

/// Every action that the demo presses is one that the lesson declares, with a target as it wants it.
#[test]
fn a_script_gives_targets_where_there_are_any() {
    for scenario in CATALOGUE {
        for text in scenario.script {
            let mut words = text.splitn(3, ' ').skip(1);
            let (name, target) = (words.next().expect("an action"), words.next().unwrap_or_default());
            let Some(action) = scenario.actions.iter().find(|action| action.name == name) else {
                assert!(!matches!(Action::from_words(name, target), Action::Own { .. }), "{}: {text:?}", scenario.id);
                continue;
            };
            assert_eq!(target.is_empty(), action.target.is_empty() || (target.is_empty() && !needs_target(action)), "{text:?}");
        }
    }
}

/// A twin declares what its card declares.
#[test]
fn a_twin_declares_the_same_actions() {
    for scenario in CATALOGUE.iter().filter(|scenario| !scenario.is_plain() && !scenario.actions.is_empty()) {
        let declared = scenario.python.split_once("tasklab.actions(").and_then(|(_, rest)| rest.split_once(")\n"));
        let (declared, _) = declared.unwrap_or_else(|| panic!("{}: the twin declares no actions", scenario.id));
        let python: Vec<&str> = declared.split('"').skip(1).step_by(2).collect();
        let rust: Vec<String> = scenario.actions.iter().map(ActionSpec::usage).collect();
        assert_eq!(python, rust, "{}", scenario.id);
    }
}
