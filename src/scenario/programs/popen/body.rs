//! Every argument of `Popen`, and what the kernel made of it (concepts 72 and 74 to 81).

use std::fs::{self, File};
use std::io::{BufWriter, PipeWriter, Write};
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::model::{ChildSpec, ExitStatus, Input, OutputTo, Pid, ProcessState, Signal, TaskSort};
use crate::scenario::card::{Facts, Params, equals};
use crate::scenario::lesson::control::TOO_LATE;
use crate::scenario::lesson::proc::{descriptors_of, stat_of, target_of, texts};
use crate::scenario::lesson::programs::{Folder, Program, returncode};
use crate::scenario::lesson::until::until;
use crate::scenario::lesson::words::yes_or_no;
use crate::scenario::lesson::{Lesson, LessonAction, LessonError};
use crate::sys::{dup_at_least, own_pid, queued_bytes};

/// After this long a program is killed; only one that somebody has stopped takes so long.
const PATIENCE: Duration = Duration::from_secs(8);

/// What a program says whose lines end in three ways.
const ENDS: &str = "one\\r\\ntwo\\rthree\\n";

pub(super) fn run(lesson: &Lesson, params: &Params) -> Result<Facts, LessonError> {
    let folder = Folder::make("popen")?;
    let main = lesson.task("main", TaskSort::Thread);
    let polled = ChildSpec {
        name: "polled".to_owned(),
        stdin: Input::Pipe,
        ..ChildSpec::new(["sh", "-c", "read answer; exit $0", &params.count("status").to_string()])
    };
    let polled = lesson.start(&polled)?;
    let mut body = Body { lesson, pause: params.seconds("pause"), polled, polls: Vec::new() };
    body.poll()?;
    body.rest()?;

    main.running("args, executable");
    let (argv, exe) = body.under_another_name(params.text("name"))?;
    main.running("bufsize");
    let unbuffered = body.pieces(params.count("lines"), false)?;
    let buffered = body.pieces(params.count("lines"), true)?;
    body.rest()?;
    main.running("stdin, stdout, stderr, preexec_fn, close_fds, cwd, env");
    let (plain, full) = body.sleepers(params, &folder)?;
    main.running("universal_newlines");
    let raw = body.output(&ChildSpec::new(["printf", ENDS]))?;
    let newlines = raw.replace("\r\n", "\n").replace('\r', "\n");
    lesson.value("output as bytes", format!("{raw:?}"));
    lesson.value("output as text", format!("{newlines:?}"));
    // Windows' STARTUPINFO and creation flags: no such field exists on this system.
    lesson.value("startupinfo, creationflags", "Windows only");
    main.waiting("you: an answer for the polled program", None);
    body.until_answered(params.seconds("patience"))?;

    main.waiting("wait()", Some("polled"));
    let Body { polled, polls, .. } = body;
    let ended = polled.communicate(lesson, b"", Instant::now() + PATIENCE, |asked| lesson.refuse(asked, TOO_LATE))?.status;
    lesson.say(&format!("wait() returned: {ended}"));
    main.finish("ok");
    let seen = Seen { polls, ended, argv, exe, unbuffered, buffered, plain, full, raw, newlines };
    Ok(facts(&Expected::of(params, &folder), &seen))
}

struct Body<'s> {
    lesson: &'s Lesson,
    pause: Duration,
    polled: Program<'s>,
    polls: Vec<Poll>,
}

/// One call of `poll()`: what it gave, and whether the kernel said just before and just after that the program runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Poll {
    gave: Option<i32>,
    ran_before: bool,
    runs_after: bool,
}

/// A sleeper as /proc has it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Sleeper {
    /// Where descriptors 0, 1 and 2 lead, and where they should.
    wired: [String; 3],
    wanted: [String; 3],
    descriptors: Vec<u32>,
    /// Whether a file that we hold open is among them.
    has_our_file: bool,
    cwd: String,
    colour: String,
    nice: i32,
    leads_a_session: bool,
}

fn runs(pid: Pid) -> bool {
    stat_of(pid).is_some_and(|stat| !matches!(stat.state, ProcessState::Zombie | ProcessState::Dead))
}

/// Writes the line that it waits for, and closes the pipe.
fn answer(program: &mut Program<'_>) -> bool {
    program.stdin.take().is_some_and(|mut stdin| stdin.write_all(b"go on\n").is_ok())
}

impl Body<'_> {
    fn poll(&mut self) -> Result<(), LessonError> {
        let child = &mut self.polled.child;
        let ran_before = runs(child.pid());
        let gave = child.peek()?.and_then(returncode);
        self.polls.push(Poll { gave, ran_before, runs_after: runs(child.pid()) });
        let shown = gave.map_or_else(|| "None".to_owned(), |code| code.to_string());
        self.lesson.say(&format!("poll() returned {shown}"));
        self.lesson.value("poll() gave", shown);
        Ok(())
    }

    fn act(&mut self, asked: &LessonAction) -> Result<(), LessonError> {
        match asked.name.as_str() {
            "poll" => return self.poll(),
            _ if self.polled.stdin.is_none() => self.lesson.refuse(asked, "the polled program has its answer already"),
            _ if answer(&mut self.polled) => {}
            _ => self.lesson.refuse(asked, "the polled program has ended"),
        }
        Ok(())
    }

    /// Does what is asked within this time; `false` if nothing was.
    fn hear(&mut self, timeout: Duration) -> Result<bool, LessonError> {
        let asked = self.lesson.next_action(timeout)?;
        asked.map_or(Ok(false), |asked| self.act(&asked).map(|()| true))
    }

    /// Polls whenever somebody asks for that. When the program was answered, it polls once more, after its end.
    fn until_answered(&mut self, patience: Duration) -> Result<(), LessonError> {
        let mut deadline = Instant::now() + patience;
        while self.polled.stdin.is_some() && self.polled.child.peek()?.is_none() && Instant::now() < deadline {
            self.hear(Duration::from_millis(20))?;
        }
        answer(&mut self.polled);
        deadline = Instant::now() + PATIENCE;
        while self.polled.child.peek()?.is_none() && Instant::now() < deadline {
            self.hear(Duration::from_millis(20))?;
        }
        self.poll()
    }

    fn rest(&mut self) -> Result<(), LessonError> {
        let end = Instant::now() + self.pause;
        while self.hear(end.saturating_duration_since(Instant::now()))? || Instant::now() < end {}
        Ok(())
    }

    /// Waits until a pipe is empty. What is written before that would be one piece with what is in it.
    fn until_read(&mut self, pipe: &PipeWriter) -> Result<(), LessonError> {
        let end = Instant::now() + PATIENCE;
        while queued_bytes(pipe).unwrap_or(0) > 0 && Instant::now() < end {
            self.hear(Duration::from_millis(1))?;
        }
        Ok(())
    }

    /// Lets a program end, kills it if it does not, and gives what it has printed.
    fn end(&mut self, program: Program<'_>) -> Result<(String, String), LessonError> {
        let mut heard = Vec::new();
        let deadline = Instant::now() + PATIENCE;
        let ended = program.communicate(self.lesson, b"", deadline, |asked| heard.push(asked.clone()))?;
        heard.iter().try_for_each(|asked| self.act(asked))?;
        let text = |bytes: Option<Vec<u8>>| String::from_utf8_lossy(&bytes.unwrap_or_default()).into_owned();
        Ok((text(ended.stdout), text(ended.stderr)))
    }

    fn output(&mut self, spec: &ChildSpec) -> Result<String, LessonError> {
        Ok(self.end(self.lesson.start(spec)?)?.0)
    }

    /// A shell that gets another name for its args[0]: the name, and the file that was really executed.
    fn under_another_name(&mut self, name: &str) -> Result<(String, String), LessonError> {
        let words = [name, "-c", "read line"];
        let spec = ChildSpec { executable: Some("/bin/sh".into()), stdin: Input::Pipe, ..ChildSpec::new(words) };
        let program = self.lesson.start(&ChildSpec { name: "renamed".to_owned(), ..spec })?;
        // A name may be empty, so the list is read to its first end.
        let command = fs::read(format!("/proc/{}/cmdline", program.child.pid())).unwrap_or_default();
        let argv = command.split(|byte| *byte == 0).next().unwrap_or_default();
        let seen = (String::from_utf8_lossy(argv).into_owned(), target_of(program.child.pid(), "exe"));
        self.rest()?;
        self.end(program)?;
        Ok(seen)
    }

    /// Writes some lines, with a buffer of ours or without, and lets `dd` count in how many pieces they come.
    fn pieces(&mut self, lines: usize, with_buffer: bool) -> Result<u64, LessonError> {
        let spec = ChildSpec {
            stdin: Input::Pipe,
            env: vec![("LC_ALL".into(), "C".into())],
            ..ChildSpec::new(["dd", "bs=64K", "of=/dev/null"])
        };
        let mut program = self.lesson.start(&spec)?;
        let Some(pipe) = program.stdin.take() else { return Ok(0) };
        if with_buffer {
            let mut buffered = BufWriter::with_capacity(8192, pipe);
            for line in 1..=lines {
                let _ = writeln!(buffered, "line {line}");
                self.until_read(buffered.get_ref())?;
            }
        } else {
            let mut pipe = pipe;
            for line in 1..=lines {
                let _ = pipe.write_all(format!("line {line}\n").as_bytes());
                self.until_read(&pipe)?;
            }
        }
        // dd says "WHOLE+PART records in": blocks of 64 KiB that came whole, and smaller pieces.
        let (_, said) = self.end(program)?;
        let records = said.split_whitespace().next().unwrap_or_default();
        Ok(records.split('+').filter_map(|number| number.parse::<u64>().ok()).sum())
    }

    /// One sleeper with nothing but its name, and one with every argument, as they are while they sleep.
    fn sleepers(&mut self, params: &Params, folder: &Folder) -> Result<(Sleeper, Sleeper), LessonError> {
        let path = folder.write("ours", b"a file that we hold open\n")?;
        // Above all numbers that are placed in the child.
        let ours = File::open(&path).and_then(|file| dup_at_least(file, 20)).map_err(LessonError::kernel("open a file"))?;
        let file = |name: &str| folder.write(name, b"");
        let (input, output, errors) = (file("input")?, file("output")?, file("errors")?);
        let sleep = || ChildSpec::new(["sleep", "60"]);
        let inherits = ChildSpec { stdin: Input::Inherit, stdout: OutputTo::Inherit, stderr: OutputTo::Inherit, ..sleep() };
        let spec = ChildSpec {
            name: "all-arguments".to_owned(),
            stdin: match params.text("stdin") {
                "null" => Input::Null,
                "file" => Input::File(input.into()),
                _ => Input::Pipe,
            },
            stdout: output_to(params.text("stdout"), output),
            stderr: output_to(params.text("stderr"), errors),
            nice: Some(params.count("nice") as i32),
            new_session: params.flag("session"),
            keep_fds: vec![ours.as_raw_fd()],
            cwd: Some(folder.path().into()),
            env: vec![("COLOUR".into(), params.text("colour").into())],
            ..sleep()
        };
        let plain = self.lesson.start(&ChildSpec { name: "no-argument".to_owned(), ..inherits.clone() })?;
        let full = self.lesson.start(&spec)?;
        // While they are being loaded they have files open that are none of ours.
        let is_loading = |program: &Program<'_>| {
            let stat = stat_of(program.child.pid());
            stat.is_some_and(|stat| matches!(stat.state, ProcessState::Running | ProcessState::DiskSleep))
        };
        until(PATIENCE, || !is_loading(&plain) && !is_loading(&full));
        let seen = (look(&plain, &inherits, &path), look(&full, &spec, &path));
        for (number, leads_to) in seen.1.wired.iter().enumerate() {
            self.lesson.value(format!("descriptor {number}"), leads_to.as_str());
        }
        self.rest()?;
        for program in [plain, full] {
            // One that somebody has stopped hears SIGTERM when it goes on.
            program.child.signal(Signal::TERM);
            program.child.signal(Signal::CONT);
            self.end(program)?;
        }
        Ok(seen)
    }
}

fn output_to(word: &str, file: PathBuf) -> OutputTo {
    match word {
        "null" => OutputTo::Null,
        "file" => OutputTo::File(file.into()),
        "inherit" => OutputTo::Inherit,
        "stdout" => OutputTo::Stdout,
        _ => OutputTo::Pipe,
    }
}

fn look(program: &Program<'_>, spec: &ChildSpec, our_file: &Path) -> Sleeper {
    let pid = program.child.pid();
    let leads_to = |pid: Pid, number: i32| target_of(pid, &format!("fd/{number}"));
    let pipe = |end: Option<i32>| end.map_or_else(String::new, |number| leads_to(own_pid(), number));
    let stdin = match &spec.stdin {
        Input::Inherit => leads_to(own_pid(), 0),
        Input::Null => "/dev/null".to_owned(),
        Input::Pipe => pipe(program.stdin.as_ref().map(AsRawFd::as_raw_fd)),
        Input::File(path) => path.display().to_string(),
    };
    let output = |to: &OutputTo, number, end: Option<i32>, stdout: &str| match to {
        OutputTo::Inherit => leads_to(own_pid(), number),
        OutputTo::Null => "/dev/null".to_owned(),
        OutputTo::Pipe => pipe(end),
        OutputTo::File(path) | OutputTo::Append(path) => path.display().to_string(),
        OutputTo::Stdout => stdout.to_owned(),
        OutputTo::Stderr => leads_to(own_pid(), 2),
    };
    let stdout = output(&spec.stdout, 1, program.stdout.as_ref().map(AsRawFd::as_raw_fd), "");
    let stderr = output(&spec.stderr, 2, program.stderr.as_ref().map(AsRawFd::as_raw_fd), &stdout);
    let descriptors = descriptors_of(pid);
    let colour = texts(pid, "environ").iter().find_map(|set| set.strip_prefix("COLOUR=").map(str::to_owned));
    let stat = stat_of(pid);
    Sleeper {
        wired: [0, 1, 2].map(|number| leads_to(pid, number)),
        wanted: [stdin, stdout, stderr],
        has_our_file: descriptors.iter().any(|number| leads_to(pid, *number as i32) == our_file.to_string_lossy()),
        descriptors,
        cwd: target_of(pid, "cwd"),
        colour: colour.unwrap_or_default(),
        nice: stat.as_ref().map_or(0, |stat| stat.nice),
        leads_a_session: stat.is_some_and(|stat| stat.sid.number() == pid.number()),
    }
}

/// What the parameters ask for.
#[derive(Debug, Clone)]
struct Expected {
    status: i32,
    name: String,
    exe: String,
    lines: u64,
    cwd: String,
    colour: String,
    nice: i32,
    session: bool,
}

impl Expected {
    fn of(params: &Params, folder: &Folder) -> Self {
        let own_nice = stat_of(own_pid()).map_or(0, |stat| stat.nice);
        Self {
            status: params.count("status") as i32,
            name: params.text("name").to_owned(),
            exe: fs::canonicalize("/bin/sh").unwrap_or_default().display().to_string(),
            lines: params.count("lines") as u64,
            cwd: folder.path().display().to_string(),
            colour: params.text("colour").to_owned(),
            nice: (own_nice + params.count("nice") as i32).min(19),
            session: params.flag("session"),
        }
    }
}

#[derive(Debug, Clone)]
struct Seen {
    polls: Vec<Poll>,
    ended: ExitStatus,
    argv: String,
    exe: String,
    unbuffered: u64,
    buffered: u64,
    plain: Sleeper,
    full: Sleeper,
    raw: String,
    newlines: String,
}

fn facts(expected: &Expected, seen: &Seen) -> Facts {
    let is_right = |poll: &&Poll| if poll.gave.is_none() { poll.ran_before } else { !poll.runs_after };
    let poll = seen.polls.iter().find(|poll| !is_right(poll));
    let shown = |gave: Option<i32>| gave.map_or_else(|| "None".to_owned(), |code| code.to_string());
    let quoted = |text: &str| format!("{text:?}");
    vec![
        equals(
            "poll",
            "poll() gives None as long as the program runs, and never afterwards",
            seen.polls.iter().map(|poll| shown(poll.gave.filter(|_| !poll.runs_after))).collect::<Vec<_>>(),
            match poll {
                Some(wrong) => vec![shown(wrong.gave)],
                None => seen.polls.iter().map(|poll| shown(poll.gave)).collect(),
            },
        ),
        equals("returncode", "at the end returncode is its status", expected.status, returncode(seen.ended)),
        equals("argv", "args[0] is only a name: the program believes it", expected.name.as_str(), seen.argv.as_str()),
        equals("exe", "executable is the file that is executed", expected.exe.as_str(), seen.exe.as_str()),
        equals("unbuffered", "with bufsize=0 each line arrives by itself: pieces", expected.lines, seen.unbuffered),
        equals("buffered", "with a buffer all lines arrive together: pieces", 1, seen.buffered),
        equals("wiring", "descriptors 0, 1 and 2 lead where we sent them", seen.full.wanted.to_vec(), seen.full.wired.to_vec()),
        equals(
            "inherited",
            "where we said nothing they lead where ours do",
            seen.plain.wanted.to_vec(),
            seen.plain.wired.to_vec(),
        ),
        equals("close-fds", "by default no other descriptor is open", vec![0, 1, 2], seen.plain.descriptors.clone()),
        equals(
            "open-fds",
            "with close_fds=False it also has the file that we hold open",
            "yes",
            yes_or_no(seen.full.has_our_file),
        ),
        equals("nice", "preexec_fn has run in the child: its niceness", expected.nice, seen.full.nice),
        equals(
            "session",
            "preexec_fn has run in the child: whether it leads a session",
            yes_or_no(expected.session),
            yes_or_no(seen.full.leads_a_session),
        ),
        equals("cwd", "cwd is the folder in which it starts", expected.cwd.as_str(), seen.full.cwd.as_str()),
        equals("env", "env is its environment: what COLOUR is there", expected.colour.as_str(), seen.full.colour.as_str()),
        equals("bytes", "as bytes the output keeps the ends of its lines", quoted("one\r\ntwo\rthree\n"), quoted(&seen.raw)),
        equals("newlines", "as text every line ends with \\n", quoted("one\ntwo\nthree\n"), quoted(&seen.newlines)),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expected() -> Expected {
        let text = |text: &str| text.to_owned();
        Expected {
            status: 7,
            name: text("n"),
            exe: text("/e"),
            lines: 3,
            cwd: text("/c"),
            colour: text("red"),
            nice: 5,
            session: true,
        }
    }

    fn sleeper() -> Sleeper {
        let ends = ["pipe:[1]", "pipe:[2]", "pipe:[2]"].map(str::to_owned);
        Sleeper {
            wired: ends.clone(),
            wanted: ends,
            descriptors: vec![0, 1, 2],
            has_our_file: true,
            cwd: "/c".to_owned(),
            colour: "red".to_owned(),
            nice: 5,
            leads_a_session: true,
        }
    }

    fn good() -> Seen {
        Seen {
            polls: vec![
                Poll { gave: None, ran_before: true, runs_after: true },
                Poll { gave: Some(7), ran_before: false, runs_after: false },
            ],
            ended: ExitStatus::Exited(7),
            argv: "n".to_owned(),
            exe: "/e".to_owned(),
            unbuffered: 3,
            buffered: 1,
            plain: sleeper(),
            full: sleeper(),
            raw: "one\r\ntwo\rthree\n".to_owned(),
            newlines: "one\ntwo\nthree\n".to_owned(),
        }
    }

    fn failed(seen: &Seen) -> Vec<String> {
        facts(&expected(), seen).into_iter().filter(|fact| !fact.holds).map(|fact| fact.id).collect()
    }

    #[test]
    fn each_fact_can_fail() {
        assert_eq!(failed(&good()), [""; 0]);
        let early = Poll { gave: Some(7), ran_before: true, runs_after: true };
        assert_eq!(failed(&Seen { polls: vec![early], ..good() }), ["poll"]);
        let late = Poll { gave: None, ran_before: false, runs_after: false };
        assert_eq!(failed(&Seen { polls: vec![good().polls[0], late], ..good() }), ["poll"]);
        assert_eq!(failed(&Seen { ended: ExitStatus::Exited(0), ..good() }), ["returncode"]);
        assert_eq!(failed(&Seen { argv: "sh".to_owned(), exe: "/x".to_owned(), ..good() }), ["argv", "exe"]);
        assert_eq!(failed(&Seen { unbuffered: 1, buffered: 3, ..good() }), ["unbuffered", "buffered"]);
        assert_eq!(failed(&Seen { newlines: good().raw, raw: good().newlines, ..good() }), ["bytes", "newlines"]);
        let full = |full: Sleeper| failed(&Seen { full, ..good() });
        let elsewhere = ["/dev/null", "pipe:[2]", "pipe:[2]"].map(str::to_owned);
        assert_eq!(full(Sleeper { wired: elsewhere.clone(), ..sleeper() }), ["wiring"]);
        assert_eq!(full(Sleeper { has_our_file: false, ..sleeper() }), ["open-fds"]);
        assert_eq!(full(Sleeper { nice: 0, leads_a_session: false, ..sleeper() }), ["nice", "session"]);
        assert_eq!(full(Sleeper { cwd: "/".to_owned(), colour: String::new(), ..sleeper() }), ["cwd", "env"]);
        let plain = Sleeper { wired: elsewhere, descriptors: vec![0, 1, 2, 20], ..sleeper() };
        assert_eq!(failed(&Seen { plain, ..good() }), ["inherited", "close-fds"]);
    }
}
