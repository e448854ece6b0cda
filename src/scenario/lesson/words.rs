//! Words for what a person reads: how many of something there are, what is there instead, whether something is so. Pure.

use std::fmt::Display;

/// A number with its noun: `1 child`, `3 children`.
pub(crate) fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

/// Why a target is refused that nothing here is called: `there is no child "x"; there are child-1, child-3`.
pub(crate) fn unknown<N: Display>(what: &str, target: &str, known: impl IntoIterator<Item = N>) -> String {
    let known: Vec<String> = known.into_iter().map(|name| name.to_string()).collect();
    match known.as_slice() {
        [] => format!("there is no {what} {target:?}, and none is left"),
        [one] => format!("there is no {what} {target:?}; there is {one}"),
        all => format!("there is no {what} {target:?}; there are {}", all.join(", ")),
    }
}

/// Whether something is so, in a word.
pub(crate) const fn yes_or_no(is_so: bool) -> &'static str {
    if is_so { "yes" } else { "no" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_not_many() {
        assert_eq!([0, 1, 2].map(|count| counted(count, "child", "children")), ["0 children", "1 child", "2 children"]);
        assert_eq!(unknown("child", "x", ["a", "b"]), "there is no child \"x\"; there are a, b");
        assert_eq!(unknown("child", "x", ["a"]), "there is no child \"x\"; there is a");
        assert_eq!(unknown("child", "x", [""; 0]), "there is no child \"x\", and none is left");
        assert_eq!([yes_or_no(true), yes_or_no(false)], ["yes", "no"]);
    }
}
