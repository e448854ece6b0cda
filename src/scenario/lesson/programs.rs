//! Programs that a body starts: the words of a `Popen` call, as data, become a child and our ends of its pipes. The body
//! waits, reads and kills when it likes; nothing here runs by itself. Programs that are left die with the body.

use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::model::{ChildSpec, ExitStatus, Pid, ProcessState, Signal};
use crate::scenario::lesson::children::Child;
use crate::scenario::lesson::control::LessonAction;
use crate::scenario::lesson::handle::{Lesson, LessonError};
use crate::scenario::lesson::proc::{stat_of, texts};
use crate::sys::{Neighbours, Prepared, PrivateFolder, prepare, set_nonblocking, spawn};

/// A program that runs, and our ends of the pipes that were asked for.
#[derive(Debug)]
pub(crate) struct Program<'s> {
    pub(crate) child: Child<'s>,
    pub(crate) stdin: Option<PipeWriter>,
    pub(crate) stdout: Option<PipeReader>,
    pub(crate) stderr: Option<PipeReader>,
}

/// A program that has ended: its status, and what came through each pipe; `None` where there was no pipe.
#[derive(Debug)]
pub(crate) struct Completed {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: Option<Vec<u8>>,
    pub(crate) stderr: Option<Vec<u8>>,
}

impl Lesson {
    /// Starts a program: `subprocess.Popen(…)`. Returns at once, as soon as the program has taken the process over.
    pub(crate) fn start(&self, spec: &ChildSpec) -> Result<Program<'_>, LessonError> {
        let name = spec.display_name();
        let ready = prepare(spec, Neighbours::default()).map_err(io::Error::other);
        let (prepared, ours) = ready.map_err(LessonError::kernel(format!("make {name} ready")))?;
        // In the group of its body, with which it lives and dies.
        let spawned = spawn(&Prepared { group: None, ..prepared }).map_err(|error| {
            let what = format!("start {name} ({})", error.step);
            LessonError::Kernel { what, source: io::Error::from_raw_os_error(error.errno) }
        })?;
        until_taken_over(spawned.pid);
        let argv = spec.argv.iter().map(|word| word.to_string_lossy().into_owned()).collect();
        Ok(Program {
            child: Child::of_program(self, &name, argv, spawned),
            stdin: ours.stdin.map(PipeWriter::from),
            stdout: ours.stdout.map(PipeReader::from),
            stderr: ours.stderr.map(PipeReader::from),
        })
    }

    /// Starts a program and waits until it has ended: `subprocess.run(…)`. Also returns the actions that came meanwhile.
    pub(crate) fn run_program(&self, spec: &ChildSpec, deadline: Instant) -> Result<(Completed, Vec<LessonAction>), LessonError> {
        let mut actions = Vec::new();
        let done = self.start(spec)?.communicate(self, b"", deadline, |asked| actions.push(asked.clone()))?;
        Ok((done, actions))
    }
}

impl Program<'_> {
    /// Sends `input` (no more than a pipe holds), closes standard input, collects both outputs to their ends, and waits:
    /// `communicate(input)`. A program that is not done at the deadline is killed.
    pub(crate) fn communicate(
        mut self,
        lesson: &Lesson,
        input: &[u8],
        deadline: Instant,
        mut on_action: impl FnMut(&LessonAction),
    ) -> Result<Completed, LessonError> {
        if let Some(mut stdin) = self.stdin.take() {
            // A program that reads nothing is no fault: Popen overlooks a broken pipe here, too.
            let _ = stdin.write_all(input);
        }
        let mut outputs = [self.stdout.take(), self.stderr.take()];
        let mut collected = [outputs[0].as_ref().map(|_| Vec::new()), outputs[1].as_ref().map(|_| Vec::new())];
        for output in outputs.iter().flatten() {
            set_nonblocking(output).map_err(LessonError::kernel("read a pipe"))?;
        }
        let mut was_killed = false;
        while outputs.iter().any(Option::is_some) || self.child.peek()?.is_none() {
            let mut ready: Vec<BorrowedFd<'_>> = outputs.iter().flatten().map(AsFd::as_fd).collect();
            if !self.child.has_ended() {
                ready.push(self.child.as_fd());
            }
            if let Some(asked) = lesson.listen(&ready, deadline.saturating_duration_since(Instant::now()).min(LONGEST_WAIT))? {
                on_action(&asked);
            }
            for (output, collected) in outputs.iter_mut().zip(&mut collected) {
                if let (Some(reader), Some(bytes)) = (output.as_mut(), collected.as_mut())
                    && !read_what_is_there(reader, bytes)
                {
                    *output = None;
                }
            }
            if Instant::now() >= deadline && !was_killed {
                self.child.signal(Signal::KILL);
                was_killed = true;
            } else if was_killed && self.child.peek()?.is_some() {
                // Somebody below it may hold the pipes open; nobody waits for them any longer.
                outputs = [None, None];
            }
        }
        let [stdout, stderr] = collected;
        Ok(Completed { status: self.child.reap()?.status, stdout, stderr })
    }
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

/// Between two looks at the clock.
const LONGEST_WAIT: Duration = Duration::from_millis(200);

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

/// A status as `Popen.returncode` has it: the exit status, or minus the number of the signal that killed it.
pub(crate) fn returncode(status: ExitStatus) -> Option<i32> {
    match status {
        ExitStatus::Exited(code) => Some(code),
        ExitStatus::Signaled { signal, .. } => Some(-signal.number()),
        ExitStatus::Unknown => None,
    }
}

/// The words of a shell line, as `shell=True` has them.
pub(crate) fn shell(line: &str) -> ChildSpec {
    ChildSpec { name: "sh".to_owned(), ..ChildSpec::new(["/bin/sh", "-c", line]) }
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
    use super::*;
    use crate::model::{Input, Monotonic, OutputTo, TaskSort};

    fn lesson() -> Lesson {
        Lesson::new(None, None, Monotonic::ZERO)
    }

    fn soon() -> Instant {
        Instant::now() + Duration::from_mins(1)
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
        let (done, _) = lesson().run_program(&spec, soon()).expect("runs");
        let expected = format!("from a file\n{}\nteal\n", folder.path().display());
        assert_eq!(String::from_utf8_lossy(&done.stdout.expect("a pipe")), expected);
        assert_eq!((done.stderr.as_deref(), returncode(done.status)), (Some(&b"no\n"[..]), Some(3)));

        let merged = ChildSpec { stderr: OutputTo::Stdout, ..shell("echo one; echo two >&2") };
        let (done, _) = lesson().run_program(&merged, soon()).expect("runs");
        assert_eq!((done.stdout.as_deref(), done.stderr), (Some(&b"one\ntwo\n"[..]), None));

        let cat = ChildSpec { stdin: Input::Pipe, ..ChildSpec::new(["cat"]) };
        let lesson = lesson();
        let done = lesson.start(&cat).expect("starts").communicate(&lesson, b"hello", soon(), |_| ()).expect("runs");
        assert_eq!(done.stdout.as_deref(), Some(&b"hello"[..]));
        let path = folder.path().to_owned();
        drop(folder);
        assert!(!path.exists());
    }

    #[test]
    fn a_wait_tells_whom_it_is_for_and_what_it_gave() {
        let (mut reader, writer) = io::pipe().expect("a pipe");
        let lesson = Lesson::new(Some(writer.into()), None, Monotonic::ZERO).plain();
        let main = lesson.task("main", TaskSort::Thread);
        let child = lesson.start(&shell("exit 3")).expect("starts").child;
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
    fn what_cannot_be_started_is_named_and_what_does_not_end_is_killed() {
        let error = lesson().start(&ChildSpec::new(["no-such-program"])).expect_err("is not there").to_string();
        assert!(error.contains("no-such-program") && error.contains("execute"), "{error}");
        let (done, _) = lesson().run_program(&ChildSpec::new(["sleep", "300"]), Instant::now()).expect("ends");
        assert_eq!(returncode(done.status), Some(-9));
    }
}
