//! Facts: what a lesson claims, held against what was counted in this run. Pure.

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
    }
}
