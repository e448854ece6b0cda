//! Programs that a body starts: the words of a `Popen` call, as data, become a child and our ends of its pipes. The body
//! waits, reads and kills when it likes; nothing here runs by itself. Programs that are left die with the body.

use std::ffi::OsString;
use std::io::{self, BufRead, BufReader, PipeReader, PipeWriter, Read, Write};
use std::panic::Location;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags};
use rustix::io::retry_on_intr;
use rustix::process::{WaitId, WaitIdOptions, waitid};
use serde_json::Value;

use crate::model::{ChildSpec, EventKind, ExitStatus, Input, OutputTo, Pid, ProcessState, Signal};
use crate::scenario::lesson::children::Child;
use crate::scenario::lesson::handle::{Lesson, LessonError};

use crate::scenario::lesson::tracking::lane::{own_lane, write_stamped};
use crate::sys::{
    ChildChange, Neighbours, Prepared, PrivateFolder, WaitMode, is_readable, poll, prepare, set_nonblocking, spawn, stat_of,
    texts, wait_pid,
};

/// A program that runs, and our ends of the pipes that were asked for.
#[derive(Debug)]
pub(crate) struct Program<'s> {
    lesson: &'s Lesson,
    /// Once it was waited on.
    ended: Option<ExitStatus>,
    pub(crate) child: Child<'s>,
    stdin: Option<PipeWriter>,
    pub(crate) stdout: Option<PipeReader>,
    stderr: Option<PipeReader>,
}

/// A program that has ended: its status, and what came through each pipe; `None` where there was no pipe.
#[derive(Debug)]
pub(crate) struct Completed {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: Option<Vec<u8>>,
    pub(crate) stderr: Option<Vec<u8>>,
}

impl Completed {
    /// Its status, as `Popen.returncode` has it.
    pub(crate) fn returncode(&self) -> i32 {
        returncode_of(self.status)
    }
}

impl Lesson {
    /// Starts a program: `subprocess.Popen(…)`. Returns at once, as soon as the program has taken the process over.
    pub(crate) fn start(&self, spec: &ChildSpec) -> Result<Program<'_>, LessonError> {
        self.start_with(spec, Neighbours::default())
    }

    /// Starts a program that reads what comes through this pipe: `Popen(…, stdin=before.stdout)`. Our reading end is closed then.
    pub(crate) fn start_behind(&self, input: Option<PipeReader>, spec: &ChildSpec) -> Result<Program<'_>, LessonError> {
        self.start_with(spec, Neighbours { input: input.map(Into::into), ..Neighbours::default() })
    }

    /// Starts a program, and waits until it has ended and closed the pipes that were asked for: `subprocess.run(…)`.
    #[track_caller]
    pub(crate) fn run(&self, spec: &ChildSpec) -> Result<Completed, LessonError> {
        self.start(spec)?.finish("run()", b"")
    }

    fn start_with(&self, spec: &ChildSpec, neighbours: Neighbours) -> Result<Program<'_>, LessonError> {
        let name = spec.display_name();
        let ready = prepare(spec, neighbours).map_err(io::Error::other);
        let (prepared, ours) = ready.map_err(LessonError::kernel(format!("make {name} ready")))?;
        // In the group of its body, with which it lives and dies.
        let spawned = spawn(&Prepared { group: None, ..prepared }).map_err(|error| {
            let what = format!("start {name} ({})", error.step);
            LessonError::Kernel { what, source: io::Error::from_raw_os_error(error.errno) }
        })?;
        until_taken_over(spawned.pid);
        let argv = spec.argv.iter().map(|word| word.to_string_lossy().into_owned()).collect();
        Ok(Program {
            lesson: self,
            ended: None,
            child: Child::of_program(self, &name, argv, spawned),
            stdin: ours.stdin.map(PipeWriter::from),
            stdout: ours.stdout.map(PipeReader::from),
            stderr: ours.stderr.map(PipeReader::from),
        })
    }
}

/// What a body does with a program. It is told, and a person's actions are answered while it waits.
impl Program<'_> {
    /// Its name.
    pub(crate) fn name(&self) -> &str {
        self.child.name()
    }

    /// The pipe to its standard input; the program finds the end of its input when this is dropped.
    pub(crate) fn input(&mut self) -> Result<PipeWriter, LessonError> {
        self.stdin.take().ok_or_else(|| no_pipe(self.child.name()))
    }

    /// The pipe from its standard output, for the program that is to read it.
    pub(crate) fn output(&mut self) -> Option<PipeReader> {
        self.stdout.take()
    }

    /// The lines of its standard output, as they come: each waits until there is one.
    pub(crate) fn lines(&mut self) -> Result<impl Iterator<Item = String> + use<>, LessonError> {
        let pipe = self.stdout.take().ok_or_else(|| no_pipe(self.child.name()))?;
        Ok(BufReader::new(pipe).lines().map_while(Result::ok))
    }

    /// Its status if it has ended, without a wait: `poll()`.
    #[track_caller]
    pub(crate) fn poll(&mut self) -> Result<Option<i32>, LessonError> {
        if self.ended.is_none() {
            self.take_status()?;
        }
        let gave = self.ended.map(returncode_of);
        self.operated("poll", gave.map_or_else(|| "None".into(), Value::from));
        Ok(gave)
    }

    /// Waits until it has ended, and gives its status: `wait()`.
    #[track_caller]
    pub(crate) fn wait(&mut self) -> Result<i32, LessonError> {
        self.told_to_wait("wait()", Self::block)?;
        let gave = self.ended.map_or(0, returncode_of);
        self.operated("wait", gave);
        Ok(gave)
    }

    /// The same, for so long at most: `wait(timeout=…)`. `None` if it has not ended by then.
    #[track_caller]
    pub(crate) fn wait_for(&mut self, timeout: Duration) -> Result<Option<i32>, LessonError> {
        self.told_to_wait("wait()", |program| if is_readable(&program.child, timeout) { program.block() } else { Ok(()) })?;
        let gave = self.ended.map(returncode_of);
        self.operated("wait", gave.map_or_else(|| "TimeoutExpired".into(), Value::from));
        Ok(gave)
    }

    /// Sends `input` (no more than a pipe holds), closes standard input, reads both outputs to their ends, and waits: `communicate(input)`.
    #[track_caller]
    pub(crate) fn communicate(mut self, input: &[u8]) -> Result<Completed, LessonError> {
        let completed = self.finish("communicate()", input)?;
        self.operated("communicate", "ok");
        Ok(completed)
    }

    /// Asks it to end: `terminate()`.
    #[track_caller]
    pub(crate) fn terminate(&self) {
        self.signal("terminate", Signal::TERM);
    }

    /// Has the kernel end it: `kill()`.
    #[track_caller]
    pub(crate) fn kill(&self) {
        self.signal("kill", Signal::KILL);
    }

    /// Sends it a signal: `send_signal(…)`.
    #[track_caller]
    pub(crate) fn send_signal(&self, signal: Signal) {
        self.signal("send_signal", signal);
    }

    #[track_caller]
    fn signal(&self, action: &str, signal: Signal) {
        // Like Popen: a program that has ended hears nothing, and nobody is told.
        self.child.signal(signal);
        self.operated(action, "ok");
    }

    #[track_caller]
    fn finish(&mut self, call: &str, input: &[u8]) -> Result<Completed, LessonError> {
        let (mut stdout, mut stderr) = (None, None);
        self.told_to_wait(call, |program| {
            if let Some(mut stdin) = program.stdin.take() {
                // A program that reads nothing is no fault: Popen overlooks a broken pipe here, too.
                let _ = stdin.write_all(input);
            }
            (stdout, stderr) = read_both(program.stdout.take(), program.stderr.take())?;
            program.block()
        })?;
        Ok(Completed { status: self.ended.unwrap_or(ExitStatus::Unknown), stdout, stderr })
    }

    /// Waits as `wait` does, and tells what for.
    #[track_caller]
    fn told_to_wait(&mut self, call: &str, wait: impl FnOnce(&mut Self) -> Result<(), LessonError>) -> Result<(), LessonError> {
        if self.ended.is_some() {
            return Ok(());
        }
        let lesson = self.lesson;
        let line = lesson.tracker().line(Location::caller());
        let lane = own_lane().filter(|_| lesson.tracker().has_listener());
        if let Some(lane) = &lane {
            lane.stamp_wait(lesson.reporter(), call, Some(self.child.name()), line);
            write_stamped(lesson.reporter());
        }
        let waited = if lesson.body().has_listener() { wait(self) } else { lesson.scope(|_| wait(self)) };
        if let Some(lane) = lane {
            lane.stamp_run(lesson.reporter(), self.ended.map(|_| self.child.name()), line);
            lane.write(lesson.reporter());
        }
        waited
    }

    /// Blocks in waitid(2) until it has ended, and takes it out of the process table.
    fn block(&mut self) -> Result<(), LessonError> {
        let pid = rustix::process::Pid::from_raw(self.child.pid().number());
        if let Some(pid) = pid.filter(|_| self.ended.is_none()) {
            let ended = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
            retry_on_intr(|| waitid(WaitId::Pid(pid), ended))
                .map_err(LessonError::kernel(format!("wait for {}", self.child.name())))?;
            self.take_status()?;
        }
        Ok(())
    }

    /// Takes it out of the process table if it has ended.
    fn take_status(&mut self) -> Result<(), LessonError> {
        let pid = self.child.pid();
        let waited = wait_pid(pid, WaitMode::Reap).map_err(LessonError::kernel(format!("wait for {}", self.child.name())))?;
        if let Some(ChildChange::Ended(status)) = waited.map(|waited| waited.change) {
            self.ended = Some(status);
            self.lesson.report(EventKind::ProcessExited { pid, status });
            self.lesson.report(EventKind::ProcessReaped { pid });
        }
        Ok(())
    }

    /// Tells of something that the body has done with it.
    #[track_caller]
    fn operated(&self, action: &str, result: impl Into<Value>) {
        if self.lesson.tracker().has_listener()
            && let Some(lane) = own_lane()
        {
            let line = self.lesson.tracker().line(Location::caller());
            let on = format!("program {}", self.child.name());
            lane.stamp_operation(self.lesson.reporter(), action, &on, result.into(), line);
            lane.write(self.lesson.reporter());
        }
    }
}

/// What came through two pipes; `None` where there was none.
type BothOutputs = (Option<Vec<u8>>, Option<Vec<u8>>);

/// Reads two pipes to their ends, whichever has something.
fn read_both(stdout: Option<PipeReader>, stderr: Option<PipeReader>) -> Result<BothOutputs, LessonError> {
    let mut pipes = [stdout, stderr];
    let mut read = pipes.each_ref().map(|pipe| pipe.as_ref().map(|_| Vec::new()));
    for pipe in pipes.iter().flatten() {
        set_nonblocking(pipe).map_err(LessonError::kernel("read a pipe"))?;
    }
    while pipes.iter().any(Option::is_some) {
        let mut open: Vec<PollFd<'_>> = pipes.iter().flatten().map(|pipe| PollFd::new(pipe, PollFlags::IN)).collect();
        retry_on_intr(|| poll(&mut open, None)).map_err(LessonError::kernel("wait for a pipe"))?;
        for (pipe, read) in pipes.iter_mut().zip(&mut read) {
            if let (Some(reader), Some(read)) = (pipe.as_mut(), read.as_mut())
                && !read_what_is_there(reader, read)
            {
                *pipe = None;
            }
        }
    }
    let [stdout, stderr] = read;
    Ok((stdout, stderr))
}

/// The words of a program whose three streams are ours, as `Popen` has them if nothing else is said.
pub(crate) fn program<A: Into<OsString>>(argv: impl IntoIterator<Item = A>) -> ChildSpec {
    ChildSpec { stdin: Input::Inherit, stdout: OutputTo::Inherit, stderr: OutputTo::Inherit, ..ChildSpec::new(argv) }
}

/// A line that a shell reads: `Popen(line, shell=True)`.
pub(crate) fn by_shell(line: &str) -> ChildSpec {
    ChildSpec { name: "sh".to_owned(), ..program(["/bin/sh", "-c", line]) }
}

/// The kernel lets the parent go on in the middle of exec(2): for some microseconds /proc still shows the descriptors that are
/// to be closed, and the old name. The arguments come last.
fn until_taken_over(pid: Pid) {
    let end = Instant::now() + Duration::from_secs(1);
    let has_ended = || stat_of(pid).is_none_or(|stat| stat.state == ProcessState::Zombie);
    while texts(pid, "cmdline").is_empty() && !has_ended() && Instant::now() < end {
        std::thread::yield_now();
    }
}

/// Appends what a non-blocking pipe has; `false` at its end.
pub(crate) fn read_what_is_there(reader: &mut PipeReader, bytes: &mut Vec<u8>) -> bool {
    let mut chunk = [0; 16 * 1024];
    loop {
        match reader.read(&mut chunk) {
            Ok(0) => return false,
            Ok(count) => bytes.extend_from_slice(&chunk[..count]),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return true,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return false,
        }
    }
}

fn no_pipe(name: &str) -> LessonError {
    LessonError::kernel(format!("talk to {name}"))(io::Error::other("it has no pipe"))
}

fn returncode_of(status: ExitStatus) -> i32 {
    returncode(status).unwrap_or_default()
}

/// A status as `Popen.returncode` has it: the exit status, or minus the number of the signal that killed it.
pub(crate) fn returncode(status: ExitStatus) -> Option<i32> {
    match status {
        ExitStatus::Exited(code) => Some(code),
        ExitStatus::Signaled { signal, .. } => Some(-signal.number()),
        ExitStatus::Unknown => None,
    }
}

/// A private folder for a lesson's files, removed with all that is in it when it is dropped.
#[derive(Debug)]
pub(crate) struct Folder {
    /// Without links in it, as the kernel names it.
    path: PathBuf,
    _own: PrivateFolder,
}

impl Folder {
    pub(crate) fn make(lesson: &str) -> Result<Self, LessonError> {
        let base = std::env::temp_dir();
        let made = PrivateFolder::make(&base, &format!("tasklab-{lesson}-"));
        let made = made.and_then(|own| Ok(Self { path: own.path().canonicalize()?, _own: own }));
        made.map_err(LessonError::kernel(format!("make a folder in {}", base.display())))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn write(&self, name: &str, text: &[u8]) -> Result<PathBuf, LessonError> {
        let path = self.path.join(name);
        std::fs::write(&path, text).map_err(LessonError::kernel(format!("write {}", path.display())))?;
        Ok(path)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::model::{Input, Monotonic, TaskSort};

    fn lesson() -> Lesson {
        Lesson::new(None, None, Monotonic::ZERO)
    }

    #[test]
    fn a_program_gets_what_its_spec_says() {
        let folder = Folder::make("test").expect("a folder");
        let file = folder.write("input", b"from a file\n").expect("written");
        let spec = ChildSpec {
            stdin: Input::File(file.into()),
            cwd: Some(folder.path().into()),
            env: vec![("COLOUR".into(), "teal".into())],
            ..ChildSpec::new(["sh", "-c", "cat; pwd; echo $COLOUR; echo no >&2; exit 3"])
        };
        let done = lesson().run(&spec).expect("runs");
        let expected = format!("from a file\n{}\nteal\n", folder.path().display());
        assert_eq!(String::from_utf8_lossy(&done.stdout.clone().expect("a pipe")), expected);
        assert_eq!((done.stderr.as_deref(), done.returncode()), (Some(&b"no\n"[..]), 3));

        let merged = ChildSpec { stdout: OutputTo::Pipe, stderr: OutputTo::Stdout, ..by_shell("echo one; echo two >&2") };
        let done = lesson().run(&merged).expect("runs");
        assert_eq!((done.stdout.as_deref(), done.stderr), (Some(&b"one\ntwo\n"[..]), None));

        let cat = ChildSpec { stdin: Input::Pipe, ..ChildSpec::new(["cat"]) };
        let lesson = lesson();
        let done = lesson.start(&cat).expect("starts").communicate(b"hello").expect("runs");
        assert_eq!(done.stdout.as_deref(), Some(&b"hello"[..]));
        let path = folder.path().to_owned();
        drop(folder);
        assert!(!path.exists());
    }

    #[test]
    fn a_wait_tells_whom_it_is_for_and_what_it_gave() {
        let (mut reader, writer) = io::pipe().expect("a pipe");
        let lesson = Lesson::new(Some(writer.into()), None, Monotonic::ZERO);
        let main = lesson.task("main", TaskSort::Thread);
        let child = lesson.start(&by_shell("exit 3")).expect("starts").child;
        let reaped = child.wait().expect("it ends");
        assert_eq!((reaped.pid, reaped.raw, reaped.status), (child.pid(), 768, ExitStatus::Exited(3)));
        let error = child.wait().expect_err("nobody is left").to_string();
        assert!(error.contains("wait for sh"), "{error}");
        drop(child);
        main.finish("ok");
        drop(lesson);
        let mut text = String::new();
        reader.read_to_string(&mut text).expect("UTF-8");
        for told in [
            r#""state":"waiting","on":"waitpid()","held_by":"sh""#,
            r#""woken_by":"sh""#,
            r#""do":"waitpid","on":"sh","result":768"#,
            r#""code":3"#,
            r#""kind":"process.reaped""#,
            r#""do":"waitpid","on":"any child","result":"ChildProcessError""#,
        ] {
            assert!(text.contains(told), "{told} in {text}");
        }
    }

    #[test]
    fn what_cannot_be_started_is_named() {
        let error = lesson().start(&ChildSpec::new(["no-such-program"])).expect_err("is not there").to_string();
        assert!(error.contains("no-such-program") && error.contains("execute"), "{error}");
    }

    #[test]
    fn a_program_is_waited_for_and_asked_and_ended() {
        let lesson = lesson();
        let mut cat = lesson.start(&ChildSpec { stdin: Input::Pipe, ..ChildSpec::new(["cat"]) }).expect("starts");
        let (mut input, mut lines) = (cat.input().expect("a pipe"), cat.lines().expect("a pipe"));
        assert!(cat.input().is_err() && cat.lines().is_err(), "a pipe is given once");
        writeln!(input, "hello").expect("written");
        assert_eq!((lines.next().as_deref(), cat.poll().expect("ours")), (Some("hello"), None));
        let began = Instant::now();
        assert_eq!(cat.wait_for(Duration::from_millis(30)).expect("ours"), None);
        assert!(began.elapsed() >= Duration::from_millis(30));
        cat.terminate();
        assert_eq!((cat.wait().expect("ours"), cat.wait().expect("ours")), (-15, -15));
        assert_eq!((cat.wait_for(Duration::ZERO).expect("ours"), cat.poll().expect("ours")), (Some(-15), Some(-15)));
        assert_eq!(lines.next(), None);

        let mut before = lesson.start(&ChildSpec::new(["echo", "pear"])).expect("starts");
        let tr = ChildSpec::new(["tr", "a-z", "A-Z"]);
        let behind = lesson.start_behind(before.output(), &tr).expect("starts").communicate(b"").expect("runs");
        assert_eq!((behind.stdout.as_deref(), before.wait().expect("ours")), (Some(&b"PEAR\n"[..]), 0));
    }
}
