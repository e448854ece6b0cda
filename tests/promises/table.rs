//! The table of promises: which test covers which, and what the last run checked. Made of the docs of the tests themselves and of that
//! run's log, so that it cannot say what is not so.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

const LIST: &str = include_str!("list.txt");
const TABLE: &str = "tests/PROMISES.md";
const HEAD: &str = "# Which test covers which promise

Made by `tests/promises/table.rs` from `tests/promises/list.txt`, from the lines `Covers: …` in the tests' docs, and from the log of the
last `make test`; `TASKLAB_BLESS=1 cargo test --test promises table` writes it anew. A test without a mark has passed in that run. The
short form of every test runs in `make test`, the long one with `TASKLAB_STRESS=long`; a test that depends on chance prints its seed,
and `TASKLAB_SEED` repeats it.
";
/// Where `make test` keeps what it printed.
const LOG: &str = "target/tests.log";
/// Begins the line that says which run it was; another machine's would say something else.
const LAST_RUN: &str = "Last run: ";
/// A mark stands between these.
const MARK: (&str, &str) = (" — *", "*");

/// A promise, a failure mode or a fact, by its sort and number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Item {
    Promise(u32),
    Failure(u32),
    Fact(u32),
}

/// Its line in the list.
#[derive(Debug, PartialEq, Eq)]
struct Entry {
    title: String,
    /// Why no test covers it, or not all of it.
    note: Option<String>,
}

/// A test that covers something.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Test {
    file: String,
    name: String,
}

fn number(text: &str) -> Result<u32, String> {
    text.trim().trim_end_matches('.').parse().map_err(|_| format!("{text:?} is no number"))
}

/// The items that a line `promises 2, 15, F13, facts 10, 52.` names. A word stands for the numbers that follow it.
fn items(text: &str) -> Result<Vec<Item>, String> {
    let mut sort: fn(u32) -> Item = Item::Fact;
    let mut found = Vec::new();
    for part in text.trim().trim_end_matches('.').split(',') {
        let part = part.trim();
        let of = |word: &str| part.strip_prefix(word).map(|rest| rest.strip_prefix('s').unwrap_or(rest));
        if let Some(rest) = part.strip_prefix('F') {
            found.push(Item::Failure(number(rest)?));
            continue;
        }
        let rest = if let Some(rest) = of("promise") {
            sort = Item::Promise;
            rest
        } else if let Some(rest) = of("fact") {
            sort = Item::Fact;
            rest
        } else {
            part
        };
        found.push(sort(number(rest)?));
    }
    Ok(found)
}

fn list(text: &str) -> Result<BTreeMap<Item, Entry>, String> {
    let mut entries = BTreeMap::new();
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (line, note) = line.split_once(" | ").map_or((line, None), |(line, note)| (line, Some(note.to_owned())));
        let words: usize = if line.starts_with('F') { 1 } else { 2 };
        let split = line.match_indices(' ').nth(words - 1).ok_or(format!("{line:?} has no title"))?.0;
        let item = *items(&line[..split])?.first().ok_or("empty")?;
        if note.as_ref().is_some_and(|note| !note.starts_with("later: ") && !note.starts_with("not here: ")) {
            return Err(format!("{line:?}: a note is 'later: …' or 'not here: …'"));
        }
        if entries.insert(item, Entry { title: line[split + 1..].to_owned(), note }).is_some() {
            return Err(format!("{line:?} is there twice"));
        }
    }
    Ok(entries)
}

/// The tests of one file that say what they cover. A `Covers:` without a test below it is an error.
fn covers(name: &str, text: &str) -> Result<Vec<(Item, Test)>, String> {
    let mut found = Vec::new();
    let mut open: Option<(usize, Vec<Item>)> = None;
    let mut is_test = false;
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        let place = format!("{name}:{}", index + 1);
        if let Some(said) = line.strip_prefix("/// Covers: ") {
            open.get_or_insert((index, Vec::new())).1.extend(items(said).map_err(|error| format!("{place}: {error}"))?);
        } else if line == "#[test]" {
            is_test = true;
        } else if let Some(rest) = line.strip_prefix("fn ")
            && let Some((_, items)) = open.take()
        {
            if !std::mem::take(&mut is_test) {
                return Err(format!("{place}: what covers something must be a #[test]"));
            }
            let test: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            let test = Test { file: name.to_owned(), name: test };
            found.extend(items.into_iter().map(|item| (item, test.clone())));
        } else if !line.starts_with("///") && !line.starts_with("#[") {
            if let Some((at, _)) = &open {
                return Err(format!("{name}:{}: Covers: without a test below it", at + 1));
            }
            is_test = false;
        }
    }
    Ok(found)
}

fn sources(folder: &Path, found: &mut Vec<std::path::PathBuf>) {
    for path in fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()) {
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push(path);
        }
    }
}

/// A run of the suite: what became of each test, by its full name.
#[derive(Debug, Default)]
struct Run {
    /// When and where it was; `None` if its log is not there.
    said: Option<String>,
    passed: BTreeSet<String>,
    failed: BTreeSet<String>,
    /// Tests that passed without checking everything, with the reasons.
    skipped: BTreeMap<String, BTreeSet<String>>,
}

impl Run {
    fn of(log: &str) -> Self {
        let mut run = Self::default();
        for line in log.lines() {
            if let Some(said) = line.strip_prefix("run: ") {
                run.said = Some(said.to_owned());
            } else if let Some((_, skipped)) = line.split_once("skipped: ")
                && let Some((test, why)) = skipped.split_once(": ")
            {
                let why = why.replace(['*', '|', '<', '>'], " ");
                run.skipped.entry(test.to_owned()).or_default().insert(why);
            } else if let Some((test, outcome)) = line.strip_prefix("test ").and_then(|line| line.rsplit_once(" ... ")) {
                match outcome {
                    "ok" => run.passed.insert(test.to_owned()),
                    "FAILED" => run.failed.insert(test.to_owned()),
                    _ => false,
                };
            }
        }
        run
    }

    /// The table's remark on a test: empty if the test has passed, or if no run is known.
    fn mark(&self, test: &Test) -> String {
        let module = module(&test.file);
        let is_it = |name: &String| name.starts_with(&module) && name.rsplit("::").next() == Some(&test.name);
        let mark = if self.said.is_none() {
            return String::new();
        } else if self.failed.iter().any(is_it) {
            "failed".to_owned()
        } else if let Some((_, reasons)) = self.skipped.iter().find(|(name, _)| is_it(name)) {
            format!("skipped: {}", reasons.iter().cloned().collect::<Vec<_>>().join("; "))
        } else if self.passed.iter().any(is_it) {
            return String::new();
        } else {
            "not run".to_owned()
        };
        format!("{}{mark}{}", MARK.0, MARK.1)
    }
}

/// The module of a file's tests, as libtest names it: of `src/a/b.rs` it is `a::b`, of `tests/program/a.rs` it is `a`.
fn module(file: &str) -> String {
    let folders = if file.starts_with("src/") { 1 } else { 2 };
    let parts = file.trim_end_matches(".rs").split('/').skip(folders);
    parts.filter(|part| !["mod", "main"].contains(part)).collect::<Vec<_>>().join("::")
}

/// The table without what depends on the run: this much has to be so on any machine.
fn unmarked(table: &str) -> String {
    let mut text = String::new();
    for line in table.lines().filter(|line| !line.starts_with(LAST_RUN)) {
        let mut pieces = line.split(MARK.0);
        text += pieces.next().unwrap_or_default();
        text.extend(pieces.filter_map(|piece| Some(piece.split_once(MARK.1)?.1)));
        text.push('\n');
    }
    text
}

fn table(list: &BTreeMap<Item, Entry>, covered: &BTreeMap<Item, BTreeSet<Test>>, run: &Run) -> String {
    let mut text = HEAD.to_owned();
    let (passed, skipped, failed) = (run.passed.len(), run.skipped.len(), run.failed.len());
    let said = run
        .said
        .as_ref()
        .map(|said| format!("{said}: {passed} tests passed, {skipped} of them skipped something, {failed} failed."));
    let _ = write!(text, "\n{LAST_RUN}{}\n", said.as_deref().unwrap_or("unknown; `make test` keeps its log."));
    let mut section = "";
    for (item, entry) in list {
        let (heading, label) = match item {
            Item::Promise(number) => ("Promises", format!("{number}")),
            Item::Failure(number) => ("What can break a promise", format!("F{number}")),
            Item::Fact(number) => ("What a process library owes", format!("{number}")),
        };
        if section != heading {
            section = heading;
            let _ = write!(text, "\n## {heading}\n\n| | | tests |\n|---|---|---|\n");
        }
        let tests = covered.get(item).into_iter().flatten();
        let tests = tests.map(|test| format!("{} `{}`{}", test.file, test.name, run.mark(test)));
        let tests = tests.chain(entry.note.iter().map(|note| format!("*{note}*")));
        let _ = writeln!(text, "| {label} | {} | {} |", entry.title, tests.collect::<Vec<_>>().join("<br>"));
    }
    text
}

#[test]
fn every_promise_is_covered_by_a_test_or_has_its_reason() {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let list = list(LIST).expect("tests/promises/list.txt");
    let count = |sort: fn(&Item) -> bool| list.keys().filter(|item| sort(item)).count();
    let counts = [
        count(|item| matches!(item, Item::Promise(_))),
        count(|item| matches!(item, Item::Failure(_))),
        count(|item| matches!(item, Item::Fact(_))),
    ];
    assert_eq!(counts, [20, 85, 66]);
    let mut paths = Vec::new();
    sources(&package.join("src"), &mut paths);
    sources(&package.join("tests"), &mut paths);
    let mut covered: BTreeMap<Item, BTreeSet<Test>> = BTreeMap::new();
    for path in paths.iter().filter(|path| !path.ends_with("tests/promises/table.rs")) {
        let name = path.strip_prefix(package).expect("below it").display().to_string();
        for (item, test) in covers(&name, &fs::read_to_string(path).expect("readable")).unwrap_or_else(|error| panic!("{error}"))
        {
            covered.entry(item).or_default().insert(test);
        }
    }
    let unknown: Vec<_> = covered.iter().filter(|(item, _)| !list.contains_key(item)).collect();
    assert!(unknown.is_empty(), "not in the list: {unknown:?}");
    let bare: Vec<_> = list.iter().filter(|(item, entry)| entry.note.is_none() && !covered.contains_key(item)).collect();
    assert!(bare.is_empty(), "neither covered nor with a reason: {bare:#?}");
    if std::env::var_os("TASKLAB_BLESS").is_some() {
        let run = Run::of(&fs::read_to_string(package.join(LOG)).unwrap_or_default());
        fs::write(package.join(TABLE), table(&list, &covered, &run)).expect("written");
    }
    let committed = unmarked(&fs::read_to_string(package.join(TABLE)).unwrap_or_default());
    let expected = unmarked(&table(&list, &covered, &Run::default()));
    assert!(committed == expected, "{TABLE} is out of date: TASKLAB_BLESS=1 cargo test --test promises table writes it anew");
}

fn test_of(file: &str, name: &str) -> Test {
    Test { file: file.to_owned(), name: name.to_owned() }
}

/// The controls: each mistake is found.
#[test]
fn mistakes_in_docs_and_list_are_found() {
    assert_eq!(
        items("promises 2, 15, F13, facts 10, 52."),
        Ok(vec![Item::Promise(2), Item::Promise(15), Item::Failure(13), Item::Fact(10), Item::Fact(52)])
    );
    assert!(items("promise two").is_err() && items("F").is_err());
    let test = "/// Words.\n///\n/// Covers: F1, fact 2.\n#[test]\nfn works() {}\n";
    assert_eq!(covers("a.rs", test).expect("valid").len(), 2);
    assert_eq!(covers("a.rs", test).expect("valid")[0].1, test_of("a.rs", "works"));
    assert!(covers("a.rs", &test.replace("#[test]\n", "")).is_err(), "no test");
    assert!(covers("a.rs", &test.replace("#[test]", "const A: u8 = 1;\n#[test]")).is_err(), "something in between");
    assert!(list("F1 a\nF1 b").is_err() && list("F1 a | because").is_err() && list("F1").is_err());
    let one = list("fact 3 A title | later: a reason").expect("valid");
    assert_eq!(one[&Item::Fact(3)], Entry { title: "A title".to_owned(), note: Some("later: a reason".to_owned()) });
    assert!(table(&one, &BTreeMap::new(), &Run::default()).contains("| 3 | A title | *later: a reason* |"));
}

#[test]
fn the_table_says_what_a_run_has_checked_and_is_the_same_without() {
    let log = "run: today, here\ntest a::passes ... ok\ntest a::tests::fails ... FAILED\nskipped: a::looks_on: no strace | here\n\
        test a::looks_on ... ok\ntest b::elsewhere ... ok\n";
    let run = Run::of(log);
    assert_eq!((run.passed.len(), run.failed.len(), run.skipped.len()), (3, 1, 1));
    for (test, mark) in
        [("passes", ""), ("fails", " — *failed*"), ("looks_on", " — *skipped: no strace   here*"), ("elsewhere", " — *not run*")]
    {
        assert_eq!(run.mark(&test_of("tests/program/a.rs", test)), mark);
        assert_eq!(run.mark(&test_of("src/a.rs", test)), mark);
        assert_eq!(Run::default().mark(&test_of("src/a.rs", test)), "", "of no run nothing is said");
    }
    let list = list("fact 3 A title\nF1 Another | later: a reason").expect("valid");
    let tests = ["passes", "looks_on", "fails"].map(|test| test_of("src/a.rs", test));
    let covered = BTreeMap::from([(Item::Fact(3), BTreeSet::from(tests))]);
    let (with, without) = (table(&list, &covered, &run), table(&list, &covered, &Run::default()));
    assert!(with.contains("Last run: today, here: 3 tests passed, 1 of them skipped something, 1 failed.") && with != without);
    assert_eq!(unmarked(&with), unmarked(&without));
    assert!(unmarked(&with).contains("src/a.rs `looks_on`<br>src/a.rs `passes` |"), "{with}");
}
