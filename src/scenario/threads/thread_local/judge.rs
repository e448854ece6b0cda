//! What a run of this lesson shows: what each thread found in its own box and in the one for all, and which sums were wrong.

use crate::model::Event;
use crate::scenario::card::seen::{action, after, number};
use crate::scenario::card::{Facts, Judge, Params, Printed, equals, more_than};

#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is one thing that was done or not")]
pub(super) struct Boxes {
    printed: Printed,
    /// Whether a person has sent one more thread to the boxes, or has ended a wait of one.
    has_others: bool,
    /// Whether one has held the lock or changed the readers or the writer, and whether the lock was released for another.
    is_touched: bool,
    is_kept: bool,
    is_freed: bool,
}

impl Boxes {
    /// What was added up under this title: the sums, and the wrong ones.
    fn sums(text: &str, title: &str) -> Option<(u64, u64)> {
        let rest = after(text, title).next()?;
        Some((number(rest)?, number(after(rest, " sums, wrong: ").next()?)?))
    }
}

impl Judge for Boxes {
    fn see(&mut self, event: &Event) {
        self.printed.see(event);
        let Some(action) = action(event) else { return };
        let target = action.target();
        self.has_others |= target.starts_with("th-");
        self.is_touched |= target == "lock accounts" || target == "writer" || target.starts_with("reader-");
        match &*action.word() {
            "hold" => self.is_kept = true,
            "release" if !std::mem::take(&mut self.is_kept) => self.is_freed = true,
            _ => {}
        }
    }

    fn claims(&self, params: &Params) -> Facts {
        let text = self.printed.text();
        let mut facts = Facts::new();
        let found: Vec<(u64, u64)> = (1..=params.count("threads"))
            .filter_map(|thread| {
                let rest = after(text, &format!("th-{thread} finds: mine.x ")).next()?;
                Some((number(rest)?, number(after(rest, ", x ").next()?)?))
            })
            .collect();
        if found.len() == params.count("threads") && !self.has_others {
            let own: Vec<u64> = (1..=found.len() as u64).map(|thread| 10 * thread).collect();
            let last = own.last().copied();
            let (mine, all): (Vec<_>, Vec<_>) = found.into_iter().unzip();
            facts.push(equals("private", "each thread found its own number in mine.x", own, mine));
            let in_all = vec![last; all.len()];
            facts.push(equals("global", "each thread found in x the number that was written last", in_all, all));
        }
        if let Some(rest) = after(text, "main finds: mine.x ").next()
            && let Some((mine, _)) = rest.split_once(", x ")
        {
            facts.push(equals("main-empty", "main put nothing into mine.x, and found there", "nothing", mine));
        }
        if let Some((_, wrong)) = Self::sums(text, "nobody writes: ") {
            facts.push(equals("steady", "while nobody wrote, readers without a lock added up right: wrong sums", 0, wrong));
        }
        if let Some((sums, wrong)) = Self::sums(text, "the writer locks: ").filter(|_| !self.is_touched) {
            let claim = format!("while the writer alone locked, readers saw it half-way: wrong sums of {sums}");
            facts.push(more_than("half-way", &claim, 0, wrong));
        }
        if let Some((_, wrong)) = Self::sums(text, "readers lock, too: ").filter(|_| !self.is_freed) {
            facts.push(equals("guarded", "when the readers locked, too, they added up right: wrong sums", 0, wrong));
        }
        facts
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::card::judge::failed;
    use crate::scenario::threads::thread_local::THREAD_LOCAL;

    // Two lines have come apart.
    const TEXT: &str = r"th-1 finds: mine.x 10, x 30th-2 finds: mine.x 20, x 30\n\nth-3 finds: mine.x 30, x 30\nmain finds: mine.x nothing, x 30\nnobody writes: 45 sums, wrong: 0\nthe writer locks: 45 sums, wrong: 20\nreaders lock, too: 45 sums, wrong: 0\n";

    fn claims_that_fail(text: &str) -> Vec<String> {
        let line = format!(r#"{{"t":9,"kind":"output","pid":1,"stream":"stdout","text":"{text}"}}"#);
        failed(Boxes::default(), &Params::defaults(THREAD_LOCAL.params), &line)
    }

    #[test]
    fn each_claim_can_fail() {
        assert_eq!(claims_that_fail(TEXT), [""; 0]);
        assert_eq!(claims_that_fail(&TEXT.replace("mine.x 10", "mine.x 30")), ["private"]);
        assert_eq!(claims_that_fail(&TEXT.replace("x 20, x 30", "x 20, x 20")), ["global"]);
        assert_eq!(claims_that_fail(&TEXT.replace("mine.x nothing", "mine.x 30")), ["main-empty"]);
        assert_eq!(claims_that_fail(&TEXT.replacen("wrong: 0", "wrong: 1", 1)), ["steady"]);
        assert_eq!(claims_that_fail(&TEXT.replace("wrong: 20", "wrong: 0")), ["half-way"]);
        assert_eq!(claims_that_fail(&TEXT.replace("too: 45 sums, wrong: 0", "too: 45 sums, wrong: 2")), ["guarded"]);
    }

    #[test]
    fn nothing_is_claimed_of_what_a_person_has_changed() {
        let act =
            |action: &str, target: &str| format!(r#"{{"t":1,"kind":"action","do":"{action}","target":"{target}","by":"you"}}"#);
        let text = TEXT
            .replace("mine.x 10", "mine.x 40")
            .replace("wrong: 20", "wrong: 0")
            .replace("too: 45 sums, wrong: 0", "too: 45 sums, wrong: 2");
        let line = format!(r#"{{"t":9,"kind":"output","pid":1,"stream":"stdout","text":"{text}"}}"#);
        let lines = [act("another", "th-1"), act("release", "lock accounts"), line].join("\n");
        assert_eq!(failed(Boxes::default(), &Params::defaults(THREAD_LOCAL.params), &lines), [""; 0]);
    }
}
