//! What a run of this lesson shows: whose change of a number is seen where.

use crate::model::Event;
use crate::scenario::card::{Facts, Family, Judge, Params, equals, leading_number};

/// Who tells the two numbers; where one name is the end of another, the longer one first.
const WHO: [&str; 7] =
    ["main after thread", "main after child", "thread at its end", "child at its end", "thread", "child", "main"];

#[derive(Debug, Default)]
pub(super) struct Numbers {
    family: Family,
}

/// The two numbers as somebody saw them.
#[derive(Debug, Clone, Copy)]
struct Look {
    who: &'static str,
    x: i64,
    shared: i64,
}

impl Judge for Numbers {
    fn see(&mut self, event: &Event) {
        self.family.see(event);
    }

    fn claims(&self, params: &Params) -> Facts {
        let mut facts = Facts::new();
        let (start, step) = (params.count("start") as i64, params.count("step") as i64);
        let looks = self.looks();
        let place = |who: &str| looks.iter().position(|look| look.who == who);
        let threads = |looks: &[Look]| looks.iter().filter(|look| look.who == "thread").count() as i64;
        if let (Some(changed), Some(after)) = (place("child"), place("main after child"))
            && changed < after
        {
            facts.push(equals("private", "the child added to x, and x in the parent stayed", start, looks[after].x));
        }
        if let Some(end) = place("child at its end") {
            let claim = "a thread added to the parent's x, and x in the child stayed";
            let before = threads(&looks[..end]);
            if before > 0 {
                facts.push(equals("private-too", claim, start + step, looks[end].x));
            }
            let claim = "in shared memory the child saw each change";
            facts.push(equals("shared", claim, start + (1 + before) * step, looks[end].shared));
        }
        let all = threads(&looks);
        let here = looks.iter().filter(|look| !look.who.starts_with("child")).map(|look| look.x).max();
        if let Some(here) = here.filter(|_| all > 0) {
            let claim = "each thread added to x, and x has changed for the whole process";
            facts.push(equals("thread", claim, start + all * step, here));
        }
        facts
    }
}

impl Numbers {
    /// All that was told, in order. The ends of two lines may change places.
    fn looks(&self) -> Vec<Look> {
        let printed = self.family.printed();
        let look = |(at, words): (usize, &str)| {
            let who = WHO.into_iter().find(|who| printed[..at].ends_with(who))?;
            let (x, rest) = leading_number(&printed[at + words.len()..])?;
            let (shared, _) = leading_number(rest.strip_prefix(", shared is ")?)?;
            Some(Look { who, x, shared })
        };
        printed.match_indices(": x is ").filter_map(look).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::card::judge::failed;

    const RUN: &str = r#"{"t":1,"kind":"output","pid":9,"stream":"stdout","text":"main: x is 1, shared is 1\nchild: x is 11, shared is 11\nmain after child: x is 1, shared is 11\nthread: x is 11, shared is 21\nmain after thread: x is 11, shared is 21\nthread at its end: x is 11, shared is 21child at its end: x is 11, shared is 21\n\n"}"#;

    #[test]
    fn each_claim_can_fail() {
        let params = Params::defaults(super::super::card::SHARED_MEMORY.params);
        let failed = |from: &str, to: &str| failed(Numbers::default(), &params, &RUN.replace(from, to));
        assert_eq!(failed("", ""), [""; 0]);
        assert_eq!(failed("after child: x is 1", "after child: x is 11"), ["private"]);
        assert_eq!(failed("child at its end: x is 11", "child at its end: x is 21"), ["private-too"]);
        assert_eq!(failed("21\\n\\n", "11\\n\\n"), ["shared"]);
        assert_eq!(failed("thread: x is 11", "thread: x is 1").len(), 0, "main has seen it");
        assert_eq!(failed("thread: x is 11", "thread: x is 31"), ["thread"]);
    }
}
