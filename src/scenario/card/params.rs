//! Parameters: declared once, checked once, read by a body under their names.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use crate::model::Line;
use crate::scenario::card::REPLAY;

/// One parameter: its name, what it may be, its default and one line of meaning.
#[derive(Debug, Clone)]
pub struct ParamSpec {
    /// Its name.
    pub name: &'static str,
    /// Its kind and range, with its default.
    pub kind: ParamKind,
    /// The unit in words (`s`, `threads`), or empty.
    pub unit: &'static str,
    /// Its meaning, in one line.
    pub meaning: &'static str,
    /// Another parameter that must not have the same value; empty if any may.
    pub unlike: &'static str,
}

/// The kind and the range of a parameter, with its default.
#[derive(Debug, Clone)]
pub enum ParamKind {
    /// A whole number.
    Count {
        /// Default.
        default: u64,
        /// Smallest.
        min: u64,
        /// Largest.
        max: u64,
    },
    /// A time in seconds.
    Seconds {
        /// Default.
        default: f64,
        /// Smallest.
        min: f64,
        /// Largest.
        max: f64,
    },
    /// Yes or no.
    Flag {
        /// Default.
        default: bool,
    },
    /// One of several words.
    Choice {
        /// The words; the first one is the default.
        choices: &'static [&'static str],
    },
    /// A short text.
    Text {
        /// Default.
        default: &'static str,
        /// Longest, in characters.
        max_chars: usize,
        /// The names that its words may be; those with a `-` at their end go on with a number. Without any, it may be any text.
        words: &'static [&'static str],
    },
}

/// A whole number.
pub const fn count(
    name: &'static str,
    default: u64,
    range: std::ops::RangeInclusive<u64>,
    unit: &'static str,
    meaning: &'static str,
) -> ParamSpec {
    ParamSpec { name, kind: ParamKind::Count { default, min: *range.start(), max: *range.end() }, unit, meaning, unlike: "" }
}

/// A time in seconds.
pub const fn seconds(name: &'static str, default: f64, range: std::ops::RangeInclusive<f64>, meaning: &'static str) -> ParamSpec {
    let kind = ParamKind::Seconds { default, min: *range.start(), max: *range.end() };
    ParamSpec { name, kind, unit: "s", meaning, unlike: "" }
}

/// Yes or no.
pub const fn flag(name: &'static str, default: bool, meaning: &'static str) -> ParamSpec {
    ParamSpec { name, kind: ParamKind::Flag { default }, unit: "", meaning, unlike: "" }
}

/// One of several words, the first the default.
pub const fn choice(name: &'static str, choices: &'static [&'static str], meaning: &'static str) -> ParamSpec {
    ParamSpec { name, kind: ParamKind::Choice { choices }, unit: "", meaning, unlike: "" }
}

/// A short text.
pub const fn text(name: &'static str, default: &'static str, max_chars: usize, meaning: &'static str) -> ParamSpec {
    ParamSpec { name, kind: ParamKind::Text { default, max_chars, words: &[] }, unit: "", meaning, unlike: "" }
}

/// An order in which these tasks go on, as `order` has told it. Names with a `-` at their end go on with a number.
pub const fn replay(names: &'static [&'static str]) -> ParamSpec {
    let kind = ParamKind::Text { default: "", max_chars: 20_000, words: names };
    ParamSpec {
        name: REPLAY,
        kind,
        unit: "",
        meaning: "an order of steps to go through again, as step mode has told it",
        unlike: "",
    }
}

/// Why a value is refused.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ParamError {
    /// No such parameter.
    #[error("there is no parameter {name:?}; there are: {known}")]
    Unknown {
        /// As given.
        name: String,
        /// All names.
        known: String,
    },
    /// A value that does not fit.
    #[error("{name} cannot be {value}: it must be {range}")]
    Value {
        /// Its name.
        name: &'static str,
        /// As given.
        value: String,
        /// The range in words, with the default.
        range: String,
    },
    /// Two parameters that must differ.
    #[error("{name} and {other} cannot both be {value}: choose another value for one of them")]
    Same {
        /// The name of one.
        name: &'static str,
        /// The name of the other one.
        other: &'static str,
        /// The value of both.
        value: String,
    },
    /// An order that names a task which there will not be.
    #[error("{name} cannot name {task}: {count_name} is {count}")]
    Nobody {
        /// The name of the order.
        name: &'static str,
        /// The name in it.
        task: String,
        /// The parameter that says how many there are.
        count_name: String,
        /// Its value.
        count: usize,
    },
}

impl ParamSpec {
    /// The same, where another parameter must not have the same value: two devices on one GPIO line.
    #[must_use]
    pub const fn unlike(self, other: &'static str) -> Self {
        Self { unlike: other, ..self }
    }

    /// The range in words: `a whole number from 1 to 64 (4 by default)`.
    pub fn range(&self) -> String {
        match self.kind {
            ParamKind::Count { default, min, max } => format!("a whole number from {min} to {max} ({default} by default)"),
            ParamKind::Seconds { default, min, max } => format!("a number of seconds from {min} to {max} ({default} by default)"),
            ParamKind::Flag { default } => format!("true or false ({default} by default)"),
            ParamKind::Choice { choices } => format!("one of {} ({} by default)", choices.join(", "), choices[0]),
            ParamKind::Text { words, .. } if !words.is_empty() => {
                let names: Vec<String> =
                    words.iter().map(|name| format!("{name}{}", if name.ends_with('-') { "N" } else { "" })).collect();
                format!("names of tasks with blanks between, each {}", names.join(" or "))
            }
            ParamKind::Text { default, max_chars, .. } => {
                format!("a text of at most {max_chars} characters ({default:?} by default)")
            }
        }
    }

    /// Its default as a value.
    pub fn default(&self) -> Value {
        match self.kind {
            ParamKind::Count { default, .. } => default.into(),
            ParamKind::Seconds { default, .. } => default.into(),
            ParamKind::Flag { default } => default.into(),
            ParamKind::Choice { choices } => choices[0].into(),
            ParamKind::Text { default, .. } => default.into(),
        }
    }

    /// Reads a value as a person types it.
    pub fn parse(&self, text: &str) -> Result<Value, ParamError> {
        let text = text.trim();
        let value = match self.kind {
            ParamKind::Count { .. } => text.parse::<u64>().ok().map(Value::from),
            ParamKind::Seconds { .. } => text.parse::<f64>().ok().map(Value::from),
            ParamKind::Flag { .. } => match text {
                "true" | "yes" | "on" | "1" => Some(Value::from(true)),
                "false" | "no" | "off" | "0" => Some(Value::from(false)),
                _ => None,
            },
            ParamKind::Choice { .. } | ParamKind::Text { .. } => Some(Value::from(text)),
        };
        match value {
            Some(value) if self.accepts(&value) => Ok(value),
            _ => Err(self.refuse(&text)),
        }
    }

    fn accepts(&self, value: &Value) -> bool {
        match self.kind {
            ParamKind::Count { min, max, .. } => value.as_u64().is_some_and(|number| (min..=max).contains(&number)),
            ParamKind::Seconds { min, max, .. } => value.as_f64().is_some_and(|number| (min..=max).contains(&number)),
            ParamKind::Flag { .. } => value.is_boolean(),
            ParamKind::Choice { choices } => value.as_str().is_some_and(|word| choices.contains(&word)),
            ParamKind::Text { max_chars, words, .. } => value.as_str().is_some_and(|text| {
                text.chars().count() <= max_chars
                    && !text.contains('\0')
                    && text.split_whitespace().all(|word| is_one_of(words, word))
            }),
        }
    }

    fn refuse(&self, value: &dyn ToString) -> ParamError {
        ParamError::Value { name: self.name, value: value.to_string(), range: self.range() }
    }
}

/// Whether a word is one of these names. Where there are none, it may be any word.
fn is_one_of(names: &[&str], word: &str) -> bool {
    let is_number = |rest: &str| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit());
    let is_it = |name: &&str| if name.ends_with('-') { word.strip_prefix(name).is_some_and(is_number) } else { word == *name };
    names.is_empty() || names.iter().any(is_it)
}

/// Checked values of all parameters of one scenario.
#[derive(Debug, Clone, PartialEq)]
pub struct Params(BTreeMap<String, Value>);

impl Params {
    /// The defaults.
    pub fn defaults(specs: &[ParamSpec]) -> Self {
        Self(specs.iter().map(|spec| (spec.name.to_owned(), spec.default())).collect())
    }

    /// The defaults, with these values in place of some; each is checked against its spec.
    pub fn checked(specs: &[ParamSpec], given: &BTreeMap<String, Value>) -> Result<Self, ParamError> {
        let mut params = Self::defaults(specs);
        for (name, value) in given {
            let spec = find(specs, name)?;
            if !spec.accepts(value) {
                return Err(spec.refuse(value));
            }
            params.0.insert(name.clone(), value.clone());
        }
        for ParamSpec { name, unlike, .. } in specs {
            if let Some(value) = params.0.get(*unlike).filter(|value| params.0.get(*name) == Some(value)) {
                return Err(ParamError::Same { name: unlike, other: name, value: value.to_string() });
            }
        }
        specs.iter().try_for_each(|spec| params.has_tasks_of(spec))?;
        Ok(params)
    }

    /// Refuses an order with `worker-9` in it where `workers` is 4.
    fn has_tasks_of(&self, spec: &ParamSpec) -> Result<(), ParamError> {
        let ParamKind::Text { words, .. } = spec.kind else { return Ok(()) };
        for stem in words.iter().filter_map(|word| word.strip_suffix('-')) {
            let count_name = format!("{stem}s");
            let Some(count) = self.0.get(&count_name).and_then(Value::as_u64) else { continue };
            let number = |task: &str| task.strip_prefix(stem)?.strip_prefix('-').map(|number| number.parse().unwrap_or(0));
            let is_nobody = |task: &&str| number(task).is_some_and(|number: u64| !(1..=count).contains(&number));
            if let Some(task) = self.text(spec.name).split_whitespace().find(is_nobody) {
                let (task, count) = (task.to_owned(), count as usize);
                return Err(ParamError::Nobody { name: spec.name, task, count_name, count });
            }
        }
        Ok(())
    }

    /// Sets one from a text such as a person types after `--set NAME=`.
    pub fn set(&mut self, specs: &[ParamSpec], name: &str, text: &str) -> Result<(), ParamError> {
        let value = find(specs, name)?.parse(text)?;
        self.0.insert(name.to_owned(), value);
        Ok(())
    }

    /// All of them, for the event line and the body.
    pub const fn values(&self) -> &BTreeMap<String, Value> {
        &self.0
    }

    /// A whole number. Zero if the scenario declares no such parameter, which a test of the catalogue rules out.
    pub fn count(&self, name: &str) -> usize {
        self.0.get(name).and_then(Value::as_u64).unwrap_or_default() as usize
    }

    /// A line of the header. GPIO17 if the scenario declares no such parameter with the numbers of lines, which a test of the catalogue
    /// rules out.
    pub fn line(&self, name: &str) -> Line {
        Line::new(self.count(name) as u32).unwrap_or(Line::gpio(17))
    }

    /// A time.
    pub fn seconds(&self, name: &str) -> Duration {
        Duration::try_from_secs_f64(self.0.get(name).and_then(Value::as_f64).unwrap_or_default()).unwrap_or_default()
    }

    /// Yes or no.
    pub fn flag(&self, name: &str) -> bool {
        self.0.get(name).and_then(Value::as_bool).unwrap_or_default()
    }

    /// A word or a text.
    pub fn text(&self, name: &str) -> &str {
        self.0.get(name).and_then(Value::as_str).unwrap_or_default()
    }
}

fn find<'a>(specs: &'a [ParamSpec], name: &str) -> Result<&'a ParamSpec, ParamError> {
    specs.iter().find(|spec| spec.name == name).ok_or_else(|| ParamError::Unknown {
        name: name.to_owned(),
        known: specs.iter().map(|spec| spec.name).collect::<Vec<_>>().join(", "),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPECS: &[ParamSpec] = &[
        count("workers", 4, 1..=64, "threads", "threads in the pool"),
        seconds("timeout", 1.0, 0.1..=10.0, "how long"),
        flag("locked", true, "whether"),
        choice("kind", &["hash", "count"], "which"),
    ];

    #[test]
    fn a_value_out_of_range_is_refused_with_the_range() {
        let mut params = Params::defaults(SPECS);
        for (name, text) in [
            ("workers", "0"),
            ("workers", "65"),
            ("workers", "x"),
            ("timeout", "nan"),
            ("timeout", "11"),
            ("locked", "maybe"),
            ("kind", "x"),
        ] {
            let error = params.set(SPECS, name, text).expect_err(text).to_string();
            assert!(error.contains(name) && error.contains("default"), "{error}");
        }
        assert_eq!(params, Params::defaults(SPECS), "a refused value changes nothing");
        let error = params.set(SPECS, "worker", "1").expect_err("unknown").to_string();
        assert!(error.contains("workers"), "{error}");
    }

    #[test]
    fn two_devices_are_not_put_on_one_line() {
        let specs = [count("line", 17, 2..=27, "", "the LED's"), count("button", 26, 2..=27, "", "the button's").unlike("line")];
        let checked = |line: u64, button: u64| {
            Params::checked(&specs, &BTreeMap::from([("line".to_owned(), line.into()), ("button".to_owned(), button.into())]))
        };
        assert_eq!(checked(26, 27).map(|params| (params.count("line"), params.count("button"))), Ok((26, 27)));
        let error = checked(26, 26).expect_err("both").to_string();
        assert_eq!(error, "line and button cannot both be 26: choose another value for one of them");
        let by_default = BTreeMap::from([("line".to_owned(), 26.into())]);
        assert!(Params::checked(&specs, &by_default).is_err(), "the other one has its default");
    }

    #[test]
    fn values_are_read_under_their_names() {
        let mut params = Params::defaults(SPECS);
        params.set(SPECS, "workers", "64").expect("in range");
        assert_eq!(
            (params.count("workers"), params.seconds("timeout").as_millis(), params.flag("locked"), params.text("kind")),
            (64, 1000, true, "hash")
        );
        assert_eq!(Params::checked(SPECS, params.values()), Ok(params));
    }

    #[test]
    fn an_order_names_tasks_that_there_may_be() {
        let spec = replay(&["main", "worker-"]);
        for order in ["", "main", "worker-1 worker-2  main worker-12"] {
            assert_eq!(spec.parse(order), Ok(order.into()));
        }
        for order in ["nonsense", "worker-1 nonsense", "worker-", "worker-x", "main-1"] {
            let refused = spec.parse(order).expect_err(order).to_string();
            assert!(refused.contains("each main or worker-N"), "{refused}");
        }
        let specs = [count("workers", 4, 2..=8, "threads", ""), spec];
        let checked = |order: &str| Params::checked(&specs, &BTreeMap::from([(REPLAY.to_owned(), order.into())])).map(drop);
        assert_eq!(checked("main worker-1 worker-4"), Ok(()));
        for task in ["worker-5", "worker-0", "worker-99999999999999999999"] {
            let refused = checked(&format!("main {task} main")).expect_err(task).to_string();
            assert_eq!(refused, format!("replay cannot name {task}: workers is 4"));
        }
    }
}
