//! Running a program and waiting for it: what comes back, what does not, and what a shell adds (concepts 69, 70, 71 and 73).

use std::time::{Duration, Instant};

use crate::model::{ChildSpec, Input, OutputTo, Pid, TaskSort};
use crate::scenario::card::{Facts, Params, equals};
use crate::scenario::lesson::proc::{children_of, stat_of, target_of};
use crate::scenario::lesson::programs::{Completed, Folder, returncode, shell};
use crate::scenario::lesson::words::counted;
use crate::scenario::lesson::{Lesson, LessonAction, LessonError, Task};
use crate::sys::own_pid;

/// After this long a program is killed; only one that somebody has stopped takes so long.
const PATIENCE: Duration = Duration::from_secs(8);

/// A text that a careless program pastes into a line for the shell.
const PASTED: &str = "hello; echo injected";

pub(super) fn run(lesson: &Lesson, params: &Params) -> Result<Facts, LessonError> {
    if params.text("way") != "both" {
        return only_calls(lesson, params.count("calls"), params.text("way") == "shell");
    }
    let folder = Folder::make("subprocess-run")?;
    for number in 1..=params.count("files") {
        folder.write(&format!("lesson-{number}.py"), b"print('hello')\n")?;
    }
    let main = lesson.task("main", TaskSort::Thread);
    let mut body = Body { lesson, main, pause: params.seconds("pause"), is_done: false, seen: Seen::default() };

    // Nothing is captured: what this prints, you read among the lesson's own lines. Only where it goes comes back.
    let line = "echo 'this line goes where the output of the lesson goes'; there=$(readlink /proc/$$/fd/1); echo $there >&2";
    let result = body.run(&ChildSpec { stdout: OutputTo::Inherit, ..shell(line) })?;
    body.seen.uncaptured = result.stdout.as_deref().map(<[u8]>::len);
    body.seen.goes_to = trimmed(result.stderr.as_deref());

    let result = body.run(&ChildSpec::new(["printf", "%s", params.text("word")]))?;
    let captured = result.stdout.unwrap_or_default();
    body.seen.length = if params.flag("text") { as_text(Some(&captured)).chars().count() } else { captured.len() };
    let shown = if params.flag("text") { format!("{:?}", as_text(Some(&captured))) } else { quoted_bytes(&captured) };
    lesson.value("result.stdout", shown);

    let status = params.count("status").to_string();
    let result = body.run(&ChildSpec::new(["sh", "-c", "exit $0", &status]))?;
    body.seen.returncode = returncode(result.status);

    let in_folder = |spec: ChildSpec| ChildSpec { cwd: Some(folder.path().into()), ..spec };
    let result = body.run(&in_folder(ChildSpec::new(["echo", "*.py"])))?;
    body.seen.without_shell = trimmed(result.stdout.as_deref());
    let waits_for_input = |spec: ChildSpec| ChildSpec { stdin: Input::Pipe, ..in_folder(spec) };
    let (rows, _) = body.look_and_run(&waits_for_input(ChildSpec::new(["cat"])), &["cat"])?;
    body.seen.rows = rows;
    let (rows, result) = body.look_and_run(&waits_for_input(shell("cat; echo *.py")), &["sh", "cat"])?;
    body.seen.rows_with_shell = rows;
    body.seen.expanded = as_text(result.stdout.as_deref()).split_whitespace().map(str::to_owned).collect();

    body.print(PASTED)?;
    let result = body.run(&shell(&format!("echo {PASTED}")))?;
    body.seen.pasted = as_text(result.stdout.as_deref()).lines().map(str::to_owned).collect();

    // What Python calls sys.executable: the file that runs this very process.
    let own_path = std::env::current_exe().map_err(LessonError::kernel("find the program that runs"))?;
    lesson.value("the program that runs this lesson", own_path.display().to_string());
    let result = body.run(&ChildSpec::new([own_path.into_os_string(), "--version".into()]))?;
    body.seen.version = trimmed(result.stdout.as_deref());

    body.print_for_you(params.seconds("patience"))?;
    body.main.finish("ok");
    let expected = Expected {
        goes_to: target_of(own_pid(), "fd/1"),
        length: if params.flag("text") { params.text("word").chars().count() } else { params.text("word").len() },
        returncode: params.count("status") as i32,
        files: params.count("files"),
        version: concat!("tasklab ", env!("CARGO_PKG_VERSION")).to_owned(),
    };
    Ok(facts(&expected, &body.seen))
}

/// The same small program, called again and again: by a list, or by a line for the shell, which makes two processes of it.
fn only_calls(lesson: &Lesson, calls: usize, by_shell: bool) -> Result<Facts, LessonError> {
    let main = lesson.task("main", TaskSort::Thread);
    main.waiting("run(), again and again", None);
    let spec = if by_shell { shell("cat /dev/null; exit 0") } else { ChildSpec::new(["cat", "/dev/null"]) };
    let (began, mut made, mut good, mut is_done) = (Instant::now(), 0, 0, false);
    while made < calls && !is_done {
        let (result, heard) = lesson.run_program(&spec, Instant::now() + PATIENCE)?;
        made += 1;
        good += usize::from(result.status.is_success());
        for asked in &heard {
            if asked.name == "done" {
                is_done = true;
            } else {
                lesson.refuse(asked, "only calls are made here; texts are printed where way is both");
            }
        }
    }
    main.finish("ok");
    lesson.say(&format!("{} took {:.2} s", counted(made, "call", "calls"), began.elapsed().as_secs_f64()));
    Ok(vec![equals("calls", "every call comes back with status 0: calls", made, good)])
}

/// Bytes as Python writes them: `b'caf\xc3\xa9'`.
fn quoted_bytes(bytes: &[u8]) -> String {
    format!("b'{}'", bytes.escape_ascii())
}

fn as_text(bytes: Option<&[u8]>) -> String {
    String::from_utf8_lossy(bytes.unwrap_or_default()).into_owned()
}

/// Without the end of the last line.
fn trimmed(bytes: Option<&[u8]>) -> String {
    as_text(bytes).trim_end().to_owned()
}

struct Body<'s> {
    lesson: &'s Lesson,
    main: Task<'s>,
    pause: Duration,
    /// Whether somebody has said that nothing more is to be printed.
    is_done: bool,
    seen: Seen,
}

impl Body<'_> {
    /// Runs a program, says what came of it, and gives you time to look.
    fn run(&mut self, spec: &ChildSpec) -> Result<Completed, LessonError> {
        self.main.waiting("run()", Some(&spec.display_name()));
        let (result, heard) = self.lesson.run_program(spec, Instant::now() + PATIENCE)?;
        self.say(spec, &result);
        heard.iter().try_for_each(|asked| self.act(asked))?;
        self.rest()?;
        Ok(result)
    }

    /// Starts a program that waits for its input, looks which processes there are, and lets it end. A shell needs a moment
    /// until its child is there, and another one until that has become the program.
    fn look_and_run(&mut self, spec: &ChildSpec, wanted: &[&str]) -> Result<(Vec<String>, Completed), LessonError> {
        self.main.waiting("run()", Some(&spec.display_name()));
        let deadline = Instant::now() + PATIENCE;
        let program = self.lesson.start(spec)?;
        let mut names = below(program.child.pid());
        while names != wanted && Instant::now() < deadline {
            if let Some(asked) = self.lesson.listen(&[], Duration::from_millis(10))? {
                self.act(&asked)?;
            }
            names = below(program.child.pid());
        }
        self.rest()?;
        let mut heard = Vec::new();
        let result = program.communicate(self.lesson, b"", deadline, |asked| heard.push(asked.clone()))?;
        self.say(spec, &result);
        heard.iter().try_for_each(|asked| self.act(asked))?;
        Ok((names, result))
    }

    fn say(&self, spec: &ChildSpec, result: &Completed) {
        let words: Vec<_> = spec.argv.iter().map(|word| word.to_string_lossy()).collect();
        let stdout = result.stdout.as_deref().map_or_else(|| "None".to_owned(), |bytes| format!("{:?}", as_text(Some(bytes))));
        self.lesson.say(&format!("{words:?} {}, stdout {stdout}", result.status));
    }

    fn rest(&mut self) -> Result<(), LessonError> {
        self.main.running("");
        let end = Instant::now() + self.pause;
        loop {
            match self.lesson.next_action(end.saturating_duration_since(Instant::now()))? {
                Some(asked) => self.act(&asked)?,
                None if Instant::now() >= end => return Ok(()),
                None => {}
            }
        }
    }

    /// Waits for texts that somebody wants to have printed.
    fn print_for_you(&mut self, patience: Duration) -> Result<(), LessonError> {
        while !self.is_done {
            self.main.waiting("you: a text to print, or the end", None);
            match self.lesson.next_action(patience)? {
                Some(asked) => self.act(&asked)?,
                None => self.is_done = true,
            }
        }
        Ok(())
    }

    fn act(&mut self, asked: &LessonAction) -> Result<(), LessonError> {
        if asked.name == "done" {
            self.is_done = true;
        } else if asked.target.contains('\0') {
            self.lesson.refuse(asked, "no word of a program can have a NUL in it");
        } else {
            self.print(&asked.target)?;
        }
        Ok(())
    }

    /// A text as one word of a list: whatever signs it has, nobody obeys them.
    fn print(&mut self, text: &str) -> Result<(), LessonError> {
        let spec = ChildSpec::new(["printf", "%s", text]);
        let (result, heard) = self.lesson.run_program(&spec, Instant::now() + PATIENCE)?;
        self.say(&spec, &result);
        self.seen.printed.push((text.to_owned(), as_text(result.stdout.as_deref())));
        heard.iter().try_for_each(|asked| self.act(asked))
    }
}

/// The names of a process and of those below it, one below the other.
fn below(pid: Pid) -> Vec<String> {
    let below_it = children_of(pid).first().map_or_else(Vec::new, |child| below(Pid::new(child.id)));
    stat_of(pid).map(|stat| stat.name()).into_iter().chain(below_it).collect()
}

/// What this run should show, computed from the parameters and from this process.
#[derive(Debug, Clone)]
struct Expected {
    goes_to: String,
    length: usize,
    returncode: i32,
    files: usize,
    version: String,
}

/// What it has shown.
#[derive(Debug, Clone, Default)]
struct Seen {
    /// Bytes that came back although nobody had asked for them.
    uncaptured: Option<usize>,
    /// Where descriptor 1 of the program that was not captured led.
    goes_to: String,
    length: usize,
    returncode: Option<i32>,
    without_shell: String,
    rows: Vec<String>,
    rows_with_shell: Vec<String>,
    expanded: Vec<String>,
    /// Texts that were given as a word of a list, and what was printed.
    printed: Vec<(String, String)>,
    /// Lines that a shell printed when the text was pasted into its line.
    pasted: Vec<String>,
    version: String,
}

fn facts(expected: &Expected, seen: &Seen) -> Facts {
    let intact = seen.printed.iter().filter(|(given, printed)| given == printed).count();
    vec![
        equals(
            "no-capture",
            "without stdout=PIPE nothing is captured: result.stdout is",
            "None",
            seen.uncaptured.map_or_else(|| "None".to_owned(), |count| format!("{count} bytes")),
        ),
        equals("terminal", "the program's output went where ours goes", expected.goes_to.as_str(), seen.goes_to.as_str()),
        equals(
            "length",
            "with stdout=PIPE all of it comes back: so many bytes, or characters with text=True",
            expected.length,
            seen.length,
        ),
        equals("returncode", "returncode is what the program has exited with", expected.returncode, seen.returncode),
        equals("no-shell", "without a shell nobody expands *.py", "*.py", seen.without_shell.as_str()),
        equals(
            "shell",
            "with a shell the program gets the names of the files instead: names",
            expected.files,
            seen.expanded.len(),
        ),
        equals("row", "without a shell one process is started, the program", vec!["cat"], seen.rows.clone()),
        equals(
            "sh-row",
            "with a shell there are two, the shell and below it the program",
            vec!["sh", "cat"],
            seen.rows_with_shell.clone(),
        ),
        equals(
            "intact",
            "as a word of a list a text stays what it is, ; and * as well: texts that did",
            seen.printed.len(),
            intact,
        ),
        equals(
            "injected",
            "pasted into a line for the shell, what stands behind the ; is run: lines that were printed",
            vec!["hello", "injected"],
            seen.pasted.clone(),
        ),
        equals(
            "executable",
            "started by its path, the program that runs this lesson names itself",
            expected.version.as_str(),
            seen.version.as_str(),
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expected() -> Expected {
        Expected { goes_to: "pipe:[1]".to_owned(), length: 5, returncode: 3, files: 2, version: "tasklab 1".to_owned() }
    }

    fn texts(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    fn good() -> Seen {
        Seen {
            uncaptured: None,
            goes_to: "pipe:[1]".to_owned(),
            length: 5,
            returncode: Some(3),
            without_shell: "*.py".to_owned(),
            rows: texts(&["cat"]),
            rows_with_shell: texts(&["sh", "cat"]),
            expanded: texts(&["a.py", "b.py"]),
            printed: vec![("a; b".to_owned(), "a; b".to_owned())],
            pasted: texts(&["hello", "injected"]),
            version: "tasklab 1".to_owned(),
        }
    }

    fn failed(seen: &Seen) -> Vec<String> {
        facts(&expected(), seen).into_iter().filter(|fact| !fact.holds).map(|fact| fact.id).collect()
    }

    #[test]
    fn each_fact_can_fail() {
        assert_eq!(failed(&good()), [""; 0]);
        assert_eq!(failed(&Seen { uncaptured: Some(0), ..good() }), ["no-capture"]);
        assert_eq!(failed(&Seen { goes_to: "/dev/null".to_owned(), ..good() }), ["terminal"]);
        assert_eq!(failed(&Seen { length: 4, ..good() }), ["length"]);
        assert_eq!(failed(&Seen { returncode: Some(-9), ..good() }), ["returncode"]);
        assert_eq!(failed(&Seen { without_shell: "a.py b.py".to_owned(), ..good() }), ["no-shell"]);
        assert_eq!(failed(&Seen { expanded: texts(&["*.py"]), ..good() }), ["shell"]);
        assert_eq!(failed(&Seen { rows: texts(&["sh", "cat"]), ..good() }), ["row"]);
        assert_eq!(failed(&Seen { rows_with_shell: texts(&["cat"]), ..good() }), ["sh-row"]);
        assert_eq!(failed(&Seen { printed: vec![("a; b".to_owned(), "a".to_owned())], ..good() }), ["intact"]);
        assert_eq!(failed(&Seen { pasted: texts(&["hello; echo injected"]), ..good() }), ["injected"]);
        assert_eq!(failed(&Seen { version: String::new(), ..good() }), ["executable"]);
    }
}
