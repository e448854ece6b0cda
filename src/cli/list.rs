//! `tasklab list`: the catalogue, for people and as JSON. Launches nothing.

use clap::Args;
use serde_json::{Value, json};

use super::error::CliError;
use super::out::print;
use crate::scenario::{CATALOGUE, Chapter, ParamKind, ParamSpec, Scenario};

/// Lists the scenarios: what each shows, what can be set, and what can be done while it runs.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// One JSON array, for programs.
    #[arg(long)]
    json: bool,
}

/// Prints the catalogue.
pub(super) fn list(arguments: &Arguments) -> Result<u8, CliError> {
    let text = if arguments.json {
        let scenarios: Vec<Value> = CATALOGUE.iter().copied().map(scenario_json).collect();
        format!("{:#}\n", Value::from(scenarios))
    } else {
        Chapter::ALL.into_iter().map(chapter_text).collect()
    };
    print(&text).map_err(|error| CliError::output(&error))?;
    Ok(0)
}

fn chapter_text(chapter: Chapter) -> String {
    let scenarios: String =
        CATALOGUE.iter().filter(|scenario| scenario.chapter == chapter).map(|scenario| scenario_text(scenario)).collect();
    if scenarios.is_empty() { scenarios } else { format!("{}\n{scenarios}\n", chapter.title()) }
}

fn scenario_text(scenario: &Scenario) -> String {
    let concepts: Vec<String> = scenario.concepts.iter().map(u16::to_string).collect();
    let concepts = concepts.join(", ");
    let heading = format!("  {:<18}{} (concepts {concepts}; {})\n", scenario.id, scenario.title, LANGUAGES.join(", "));
    let params = scenario.params.iter().map(|param| {
        let value = param.default();
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        item("--set", &format!("{}={value}", param.name), &format!("{}; {}", param.meaning, range_text(param)))
    });
    let actions = scenario.actions.iter().map(|action| item("--do", &format!("'T {}'", action.usage()), action.meaning));
    std::iter::once(heading).chain(params).chain(actions).collect()
}

/// The range of a parameter, with its unit.
fn range_text(param: &ParamSpec) -> String {
    if param.unit.is_empty() { param.range() } else { format!("{}, in {}", param.range(), param.unit) }
}

fn item(option: &str, example: &str, meaning: &str) -> String {
    format!("      {option:<5} {example:<27} {meaning}\n")
}

fn scenario_json(scenario: &Scenario) -> Value {
    json!({
        "id": scenario.id,
        "title": scenario.title,
        "chapter": scenario.chapter.title(),
        "concepts": scenario.concepts,
        "languages": LANGUAGES,
        "params": scenario.params.iter().map(param_json).collect::<Vec<_>>(),
        "actions": scenario.actions.iter().map(|action| json!({
            "name": action.name,
            "usage": action.usage(),
            "label": action.label(),
            "meaning": action.meaning,
        })).collect::<Vec<_>>(),
    })
}

fn param_json(param: &ParamSpec) -> Value {
    // `range` is for programs: the smallest and the largest value, or all choices. `accepts` says the same to people.
    let (kind, range) = match param.kind {
        ParamKind::Count { min, max, .. } => ("count", json!([min, max])),
        ParamKind::Seconds { min, max, .. } => ("seconds", json!([min, max])),
        ParamKind::Flag { .. } => ("flag", json!([false, true])),
        ParamKind::Choice { choices } => ("choice", json!(choices)),
        ParamKind::Text { max_chars, .. } => ("text", json!([0, max_chars])),
    };
    json!({
        "name": param.name,
        "kind": kind,
        "range": range,
        "accepts": param.range(),
        "default": param.default(),
        "unit": param.unit,
        "meaning": param.meaning,
    })
}

/// The languages in which each scenario can be run.
const LANGUAGES: [&str; 2] = ["rust", "python"];
