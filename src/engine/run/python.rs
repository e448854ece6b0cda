//! Which programs Python executes, and which of its options keep Task Lab's observer out of them. Reads no more than the first line of a
//! script; never runs anything.

pub(crate) mod knobs;

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::model::{ChildSpec, Language};
use crate::sys::{executed_file, find_program};

/// Whether python3 is in PATH, so that the Python bodies of lessons can run.
pub fn has_python() -> bool {
    find_program("python3", std::env::var_os("PATH").as_deref()).is_some()
}

/// The language in which a lesson opens, unless somebody has chosen another one: Python where python3 is there.
pub fn first_language() -> Language {
    if has_python() { Language::Python } else { Language::Rust }
}

/// Bytes of a script's first line that the kernel reads (`BINPRM_BUF_SIZE`).
const FIRST_LINE: u64 = 256;

/// A program that Python executes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PythonProgram {
    /// As it is called on the command line, without its folder.
    name: String,
    /// The first of its options that keeps the observer out.
    obstacle: Option<char>,
}

impl PythonProgram {
    /// `None`: Python does not execute it, or not as far as its name and its first line tell.
    pub fn of(spec: &ChildSpec) -> Option<Self> {
        let words = words(spec);
        let (program, arguments) = words.split_first()?;
        let name = Path::new(program).file_name().unwrap_or(program).to_string_lossy().into_owned();
        if is_python(program) {
            return Some(Self { name, obstacle: options(arguments).0 });
        }
        let interpreter = divided(interpreter(&file_of(spec, program)?)?);
        let (program, arguments) = interpreter.split_first()?;
        is_python(program).then(|| Self { name, obstacle: options(arguments).0 })
    }

    /// Why the observer cannot run in it, as a sentence with what to do.
    pub(crate) fn unobserved(&self) -> Option<String> {
        let (name, option) = (&self.name, self.obstacle?);
        let what = if option == 'S' { "importing site, which starts the observer" } else { "reading PYTHONPATH" };
        Some(format!(
            "could not observe {name}: -{option} keeps it from {what}; leave -{option} out to see its threads and locks by name, or \
             leave the observer off (--no-observe)"
        ))
    }

    /// As it is called on the command line, without its folder.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }
}

/// The program and its arguments; those of a shell's command line up to where it divides them at blanks.
fn words(spec: &ChildSpec) -> Vec<OsString> {
    match (&spec.executable, &spec.argv[..]) {
        (None, [shell, option, line]) if shell == "/bin/sh" && option == "-c" => split(line.as_bytes()),
        (Some(executable), [_, arguments @ ..]) => std::iter::once(executable).chain(arguments).cloned().collect(),
        (None, argv) => argv.to_vec(),
        (Some(_), []) => Vec::new(),
    }
}

fn split(line: &[u8]) -> Vec<OsString> {
    line.split(u8::is_ascii_whitespace).filter(|bytes| !bytes.is_empty()).map(word).collect()
}

/// `python`, `python3`, `python3.13`, and its variants `python3.13t` and `python3.13d`, in any folder.
fn is_python(program: &OsStr) -> bool {
    let name = Path::new(program).file_name().unwrap_or_default().as_bytes();
    let Some(version) = name.strip_prefix(b"python") else { return false };
    match version.strip_prefix(b"3.") {
        Some(minor) => {
            let digits = minor.iter().take_while(|byte| byte.is_ascii_digit()).count();
            digits > 0 && minor[digits..].iter().all(|letter| matches!(letter, b't' | b'd'))
        }
        None => version.is_empty() || version == b"3",
    }
}

/// The words that have Python execute a script, and the number of that which names it: those of the program itself, or those that the kernel
/// makes of a script's first line. `None` where there is no script (a module, standard input), or where its first line keeps the observer out.
pub(crate) fn script(spec: &ChildSpec) -> Option<(Vec<OsString>, usize)> {
    let (called, arguments) = spec.argv.split_first()?;
    let program = spec.executable.as_ref().unwrap_or(called);
    if is_python(program) {
        return options(arguments).1.map(|index| (spec.argv.clone(), index + 1));
    }
    if PythonProgram::of(spec)?.obstacle.is_some() || spec.executable.is_some() {
        return None;
    }
    let file = file_of(spec, program)?;
    let mut words = interpreter(&file)?;
    let at = words.len();
    words.push(if program.as_bytes().contains(&b'/') { program.clone() } else { file.into() });
    words.extend(arguments.iter().cloned());
    Some((words, at))
}

/// The file that is executed for a program's name.
fn file_of(spec: &ChildSpec, program: &OsStr) -> Option<PathBuf> {
    let own_path = spec.env.iter().rev().find(|(name, _)| name == "PATH").map(|(_, path)| path.clone());
    let path = own_path.or_else(|| std::env::var_os("PATH").filter(|_| !spec.clear_env));
    executed_file(program, path.as_deref(), spec.cwd.as_deref())
}

/// The first of Python's options that keeps the observer out; else the number of the argument that names the script, if one does. The
/// options end there, or where the code or the module is named.
fn options(arguments: &[OsString]) -> (Option<char>, Option<usize>) {
    let mut arguments = arguments.iter().enumerate();
    while let Some((index, argument)) = arguments.next() {
        match argument.as_bytes() {
            b"-" => return (None, None),
            b"--" => return (None, arguments.next().map(|(index, _)| index)),
            b"--check-hash-based-pycs" => drop(arguments.next()),
            [b'-', b'-', ..] => {}
            [b'-', letters @ ..] => {
                for (at, letter) in letters.iter().enumerate() {
                    match letter {
                        b'I' | b'E' | b'S' => return (Some(char::from(*letter)), None),
                        b'c' | b'm' => return (None, None),
                        // Their value is the rest of the word, or the next word.
                        b'W' | b'X' => {
                            if at + 1 == letters.len() {
                                arguments.next();
                            }
                            break;
                        }
                        _ => {}
                    }
                }
            }
            _ => return (None, Some(index)),
        }
    }
    (None, None)
}

/// The first line of a regular file, as far as the kernel reads it.
fn first_line(path: &Path) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path).ok()?.take(FIRST_LINE).read_to_end(&mut bytes).ok()?;
    let end = bytes.iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len());
    bytes.truncate(end);
    Some(bytes)
}

/// The interpreter that a script's first line names, and what follows it, which the kernel passes as one more word.
fn interpreter(file: &Path) -> Option<Vec<OsString>> {
    let line = first_line(file)?;
    let line = line.strip_prefix(b"#!")?.trim_ascii();
    let end = line.iter().position(u8::is_ascii_whitespace).unwrap_or(line.len());
    Some([&line[..end], line[end..].trim_ascii()].into_iter().filter(|word| !word.is_empty()).map(word).collect())
}

/// The same as `env` executes it: `env -S` divides its word.
fn divided(words: Vec<OsString>) -> Vec<OsString> {
    let [env, rest] = &words[..] else { return words };
    if !env.as_bytes().ends_with(b"/env") {
        return words;
    }
    let rest = rest.as_bytes();
    let divided = ["-S", "--split-string="].into_iter().find_map(|option| rest.strip_prefix(option.as_bytes()));
    let is_variable = |word: &OsString| word.as_bytes().contains(&b'=');
    divided.map_or_else(|| vec![word(rest)], |rest| split(rest).into_iter().skip_while(is_variable).collect())
}

fn word(bytes: &[u8]) -> OsString {
    OsStr::from_bytes(bytes).to_owned()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn of(argv: &[&str]) -> Option<PythonProgram> {
        PythonProgram::of(&ChildSpec::new(argv))
    }

    #[test]
    fn python_is_known_by_its_name() {
        for name in ["python", "python3", "/usr/bin/python3.11", "./venv/bin/python3.13t", "python3.14td"] {
            assert_eq!(of(&[name]).map(|python| python.obstacle), Some(None), "{name}");
        }
        for name in ["python2", "python3.", "python3.x", "python3-config", "pythonic", "ipython3", "/opt/python3/run", "true", ""]
        {
            assert!(!is_python(OsStr::new(name)), "{name}");
        }
        let renamed = ChildSpec { executable: Some("/usr/bin/python3".into()), ..ChildSpec::new(["snake", "-Ic", "1"]) };
        assert_eq!(PythonProgram::of(&renamed).and_then(|python| python.obstacle), Some('I'));
        let disguised = ChildSpec { executable: Some("/bin/cat".into()), ..ChildSpec::new(["python3"]) };
        assert_eq!(PythonProgram::of(&disguised), None);
    }

    #[test]
    fn the_script_stands_behind_the_options() {
        for (argv, expected) in [
            (&["python3", "x.py", "-u"][..], Some(1)),
            (&["python3", "-u", "-X", "dev", "--", "x.py"], Some(5)),
            (&["python3", "-c", "1", "x.py"], None),
            (&["python3", "-m", "x"], None),
            (&["python3", "-"], None),
            (&["python3", "-I", "x.py"], None),
            (&["python3"], None),
            (&["sh", "x.py"], None),
            (&[], None),
        ] {
            assert_eq!(script(&ChildSpec::new(argv)).map(|(_, at)| at), expected, "{argv:?}");
        }
    }

    #[test]
    fn an_option_that_keeps_the_observer_out_stands_before_the_script() {
        for (arguments, expected) in [
            (&["-I", "x.py"][..], Some('I')),
            (&["-uEs", "x.py"], Some('E')),
            (&["-Sc", "1"], Some('S')),
            (&["-X", "dev", "-W", "error", "-I"], Some('I')),
            (&["--check-hash-based-pycs", "never", "-E"], Some('E')),
            (&["-Xdev", "-WI", "-sP", "x.py", "-I"], None),
            (&["-W", "-I", "x.py"], None),
            (&["-c", "1", "-I"], None),
            (&["-uc", "1", "-I"], None),
            (&["-mI", "-I"], None),
            (&["-", "-I"], None),
            (&["--", "-I"], None),
            (&[], None),
        ] {
            let arguments: Vec<OsString> = arguments.iter().map(Into::into).collect();
            assert_eq!(options(&arguments).0, expected, "{arguments:?}");
        }
        let text = of(&["/usr/bin/python3", "-I", "x.py"]).and_then(|python| python.unobserved()).expect("kept out");
        assert!(text.starts_with("could not observe python3: -I keeps it from reading PYTHONPATH; leave -I out"), "{text}");
        let text = of(&["python", "-bS"]).and_then(|python| python.unobserved()).expect("kept out");
        assert!(text.contains("-S keeps it from importing site"), "{text}");
        assert_eq!(of(&["python"]).and_then(|python| python.unobserved()), None);
    }

    #[test]
    fn a_script_is_known_by_its_first_line() {
        let folder = tempfile::tempdir().expect("a folder");
        let script = folder.path().join("script");
        let python = |first_line: &str, spec: &ChildSpec| {
            fs::write(&script, format!("{first_line}\nprint(1)\n")).expect("written");
            fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).expect("ours");
            PythonProgram::of(spec)
        };
        let spec = ChildSpec::new([&script]);
        for (line, expected) in [
            ("#!/usr/bin/python3", Some(None)),
            ("#! /opt/venv/bin/python -Es ", Some(Some('E'))),
            ("#!/usr/bin/env python3.12", Some(None)),
            ("#!/usr/bin/env -S python3 -X dev", Some(None)),
            ("#!/usr/bin/env -S LANG=C python3 -I", Some(Some('I'))),
            ("#!/usr/bin/env python3 -u", None),
            ("#!/usr/bin/env", None),
            ("#!/bin/sh", None),
            ("#!", None),
            ("/usr/bin/python3", None),
            ("\u{7f}ELF", None),
        ] {
            assert_eq!(python(line, &spec).map(|python| python.obstacle), expected, "{line}");
        }
        let line = "#!/usr/bin/python3";
        let in_path = ChildSpec { env: vec![("PATH".into(), folder.path().into())], ..ChildSpec::new(["script"]) };
        assert_eq!(python(line, &in_path).map(|python| python.name), Some("script".to_owned()));
        let in_folder = ChildSpec { cwd: Some(folder.path().into()), ..ChildSpec::new(["./script"]) };
        assert!(python(line, &in_folder).is_some());
        assert!(python(line, &ChildSpec { clear_env: true, ..ChildSpec::new(["script"]) }).is_none(), "not in that PATH");
        fs::set_permissions(&script, fs::Permissions::from_mode(0o644)).expect("ours");
        assert!(PythonProgram::of(&spec).is_none(), "nobody may execute it");
        assert!(of(&["/no/such/file"]).is_none() && of(&["/dev"]).is_none());
    }

    #[test]
    fn of_a_shell_s_line_the_first_word_counts() {
        let shell = |line: &str| of(&["/bin/sh", "-c", line]);
        assert_eq!(
            shell(" python3 -u x.py | sort").map(|python| (python.name, python.obstacle)),
            Some(("python3".to_owned(), None))
        );
        assert_eq!(shell("python3 -I x.py").and_then(|python| python.obstacle), Some('I'));
        assert!(shell("cd / && python3 x.py").is_none() && shell("A=1 python3 x.py").is_none() && shell("").is_none());
    }
}
