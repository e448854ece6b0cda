//! Facts: what a lesson claims, held against what was counted in this run. Pure.

use std::time::Duration;

use serde_json::Value;

use crate::model::Fact;

/// The result of a body.
pub type Facts = Vec<Fact>;

/// Claims that `observed` is `expected`.
pub fn equals<E: Into<Value>, O: Into<Value>>(id: &str, claim: &str, expected: E, observed: O) -> Fact {
    let (expected, observed) = (expected.into(), observed.into());
    let holds = expected == observed;
    Fact { id: id.to_owned(), claim: claim.to_owned(), expected, observed, holds }
}

/// Claims that `observed` is `most` or less.
pub fn at_most(id: &str, claim: &str, most: u64, observed: u64) -> Fact {
    Fact {
        id: id.to_owned(),
        claim: claim.to_owned(),
        expected: format!("<= {most}").into(),
        observed: observed.into(),
        holds: observed <= most,
    }
}

/// Claims that `observed` is `least` or more.
pub fn at_least(id: &str, claim: &str, least: u64, observed: u64) -> Fact {
    Fact {
        id: id.to_owned(),
        claim: claim.to_owned(),
        expected: format!(">= {least}").into(),
        observed: observed.into(),
        holds: observed >= least,
    }
}

/// Claims that `observed` is more than `less`.
pub fn more_than(id: &str, claim: &str, less: u64, observed: u64) -> Fact {
    Fact {
        id: id.to_owned(),
        claim: claim.to_owned(),
        expected: format!("> {less}").into(),
        observed: observed.into(),
        holds: observed > less,
    }
}

/// Claims that something lasted `least` or longer, and not longer than `most`, where that is given. Shown in seconds.
pub fn lasts(id: &str, claim: &str, least: Duration, most: Option<Duration>, observed: Duration) -> Fact {
    let seconds = |time: Duration| (time.as_secs_f64() * 100.0).round() / 100.0;
    let upper = most.map_or_else(String::new, |most| format!(" and <= {}", seconds(most)));
    Fact {
        id: id.to_owned(),
        claim: claim.to_owned(),
        expected: format!(">= {}{upper} s", seconds(least)).into(),
        observed: seconds(observed).into(),
        holds: observed >= least && most.is_none_or(|most| observed <= most),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fact_can_fail() {
        assert!(equals("a", "b", 3, 3).holds && !equals("a", "b", 3, 4).holds);
        assert!(equals("a", "b", vec!["x"], vec!["x"]).holds && !equals("a", "b", vec!["x"], Vec::<String>::new()).holds);
        assert!(at_most("a", "b", 3, 3).holds && !at_most("a", "b", 3, 4).holds);
        assert!(at_least("a", "b", 3, 3).holds && !at_least("a", "b", 3, 2).holds);
        assert!(more_than("a", "b", 3, 4).holds && !more_than("a", "b", 3, 3).holds);
        let lasted = |time, most: Option<u64>| {
            lasts("a", "b", Duration::from_millis(500), most.map(Duration::from_secs), Duration::from_millis(time)).holds
        };
        assert!(lasted(500, None) && !lasted(499, None) && lasted(2000, Some(2)) && !lasted(2001, Some(2)));
        let fact = lasts("a", "b", Duration::from_millis(2400), Some(Duration::from_secs(8)), Duration::from_millis(2413));
        assert_eq!((fact.expected, fact.observed), (">= 2.4 and <= 8 s".into(), 2.41.into()));
    }
}
