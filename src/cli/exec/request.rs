//! From the arguments of `tasklab exec` to a launch request. Refuses what the kernel would refuse.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::fs::FileTypeExt;

use super::arguments::{Arguments, input};
use crate::cli::error::CliError;
use crate::cli::parse;
use crate::engine::{LaunchRequest, OwnProgram, PythonProgram, What, is_open};
use crate::model::{ChildSpec, Group, GroupLimits, Input, OutputTo, Pgid, Reaping, StopPlan};

/// Between two stages.
const SEPARATOR: &str = ":::";

/// Whether the output comes through us instead of going to our streams directly.
pub(super) fn is_relayed(arguments: &Arguments) -> bool {
    arguments.json || arguments.pty.is_some() || arguments.universal_newlines
}

/// The descriptors of ours that the children keep. Each of them is open.
pub(super) fn keep_fds(arguments: &Arguments) -> Result<Vec<i32>, CliError> {
    if arguments.keep_all_fds {
        return inheritable().map_err(|error| {
            CliError::Missing(format!(
                "--keep-all-fds: could not list our descriptors in /proc/self/fdinfo: {error}; name them with --keep-fd"
            ))
        });
    }
    for fd in &arguments.keep_fd {
        if !is_open(*fd) {
            return Err(CliError::Usage(format!("--keep-fd {fd}: no descriptor of that number is open")));
        }
    }
    Ok(arguments.keep_fd.clone())
}

/// The descriptors with which we were started, besides 0, 1 and 2: those that are not close-on-exec, as all of our own are (`flags` in
/// fdinfo, proc(5)).
fn inheritable() -> io::Result<Vec<i32>> {
    const CLOSE_ON_EXEC: u32 = 0o2_000_000;
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc/self/fdinfo")? {
        let entry = entry?;
        let Some(number) = entry.file_name().to_str().and_then(|name| name.parse::<i32>().ok()).filter(|number| *number > 2)
        else {
            continue;
        };
        let info = std::fs::read_to_string(entry.path()).unwrap_or_default();
        let flags = info.lines().find_map(|line| u32::from_str_radix(line.strip_prefix("flags:")?.trim(), 8).ok());
        if flags.is_some_and(|flags| flags & CLOSE_ON_EXEC == 0) {
            found.push(number);
        }
    }
    Ok(found)
}

/// Makes the launch request. `is_terminal`: our standard input is a terminal.
pub(super) fn request(arguments: &Arguments, keep_fds: &[i32], is_terminal: bool) -> Result<LaunchRequest, CliError> {
    let (stdin, input) = match input(&arguments.stdin) {
        // The child has a terminal of its own. Text that is typed at ours is for us; any other input of ours is passed on to the child.
        (Input::Inherit, _) if arguments.pty.is_some() => (Input::Pipe, None),
        other => other,
    };
    let stop = StopPlan { grace: arguments.grace, ..StopPlan::default() };
    let timeout = arguments.timeout;
    let group = match arguments.process_group {
        None if is_terminal && stdin == Input::Inherit => Group::Inherited,
        None | Some(0) => Group::Own,
        Some(pgid) if pgid > 0 => Group::Join(Pgid::new(pgid)),
        Some(pgid) => return Err(CliError::Usage(format!("--process-group={pgid}: there is no such group"))),
    };
    let env = arguments.env.iter().map(parse::assignment).collect::<Result<Vec<_>, _>>()?;
    let mut stages = Vec::new();
    // An option of ours that is misspelled is far likelier than a program of that name, which can be had as ./--name.
    if let Some(option) = arguments.command[0].to_str().filter(|word| word.starts_with('-')) {
        return Err(CliError::Usage(format!("exec has no option {option}; `tasklab exec --help` lists them")));
    }
    let commands: Vec<&[OsString]> = arguments.command.split(|word| word == SEPARATOR).collect();
    if arguments.executable.is_some() && commands.len() > 1 {
        return Err(CliError::Usage("--executable is for a single stage".to_owned()));
    }
    if arguments.pty.is_some() && commands.len() > 1 {
        return Err(CliError::Usage("--pty is for a single stage; --shell makes a pipeline in it".to_owned()));
    }
    // Only output that would have gone to our own streams comes through us.
    let to = |to: &OutputTo| if is_relayed(arguments) && *to == OutputTo::Inherit { OutputTo::Pipe } else { to.clone() };
    // Stages that share a file must not overwrite each other: the file is emptied once, and each stage appends.
    let shared = match &arguments.stderr {
        // There is nothing to empty in a FIFO, and opening one waits for a reader.
        OutputTo::File(path) if commands.len() > 1 && !std::fs::metadata(path).is_ok_and(|found| found.file_type().is_fifo()) => {
            let emptied = std::fs::File::create(path);
            emptied.map_err(|error| CliError::Missing(format!("could not open {}: {error}", path.display())))?;
            OutputTo::Append(path.clone())
        }
        own => to(own),
    };
    let order = arguments.order.as_ref().map(|order| ("TASKLAB_ORDER".into(), order.into()));
    let group_limits = GroupLimits { memory: arguments.memory_max, cpu_percent: arguments.cpu_max };
    for (index, words) in commands.iter().enumerate() {
        if words.is_empty() {
            return Err(CliError::Usage(format!("stage {} of {} has no command", index + 1, commands.len())));
        }
        let spec = ChildSpec {
            executable: arguments.executable.clone(),
            cwd: arguments.cwd.clone(),
            clear_env: arguments.clear_env,
            env: env.iter().cloned().chain(order.clone()).collect(),
            stdin: if index == 0 { stdin.clone() } else { Input::Null },
            stdout: to(&arguments.stdout),
            stderr: shared.clone(),
            group,
            new_session: arguments.new_session,
            nice: arguments.nice,
            umask: arguments.umask,
            keep_fds: keep_fds.to_vec(),
            pipe_size: arguments.bufsize,
            reaping: if arguments.keep_zombie { Reaping::WhenAsked } else { Reaping::AtOnce },
            lesson_pipes: arguments.events,
            observe: !arguments.no_observe,
            limits: arguments.rlimit.clone(),
            affinity: arguments.affinity.clone().map(|cores| cores.0).unwrap_or_default(),
            death_signal: arguments.death_signal,
            terminal: arguments.pty,
            group_limits,
            ..command(words, arguments.shell)
        };
        spec.validate().map_err(|error| CliError::Usage(format!("stage {} of {}: {error}", index + 1, commands.len())))?;
        stages.push(spec);
    }
    set_knobs(&mut stages, &arguments.set)?;
    // Only a program that can be told something knows which actions it understands.
    let listens = |stage: &ChildSpec| stage.lesson_pipes || (stage.observe && PythonProgram::of(stage).is_some());
    let script = parse::script(&arguments.actions, (!stages.iter().any(listens)).then_some(&[] as &[&str]))?;
    Ok(LaunchRequest { what: What::Programs { stages, input }, script, timeout, stop })
}

/// Sets what is asked for in each program that has it.
fn set_knobs(stages: &mut [ChildSpec], words: &[String]) -> Result<(), CliError> {
    if words.is_empty() {
        return Ok(());
    }
    let usage = |text: String| CliError::Usage(format!("--set: {text}"));
    let mut programs = Vec::new();
    for stage in stages {
        if let Some(read) = OwnProgram::of(stage) {
            programs.push((stage, read.map_err(usage)?, BTreeMap::new()));
        }
    }
    if programs.is_empty() {
        return Err(usage(
            "nothing here is a Python program with a file of its own, such as `python3 mine.py` or `./mine.py`".to_owned(),
        ));
    }
    for word in words {
        let (name, text) = word.split_once('=').ok_or_else(|| usage(format!("{word:?} is not NAME=VALUE")))?;
        let mut is_known = false;
        for (_, program, values) in &mut programs {
            if let Some(knob) = program.knobs().into_iter().find(|knob| knob.name == name.trim()) {
                values.insert(knob.name.clone(), knob.parse(text).map_err(usage)?);
                is_known = true;
            }
        }
        if !is_known {
            let known = |(_, program, _): &(_, OwnProgram, _)| {
                let names: Vec<String> = program.knobs().into_iter().map(|knob| knob.name).collect();
                let names = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
                format!("{} has {names}", program.file().display())
            };
            let known: Vec<String> = programs.iter().map(known).collect();
            return Err(usage(format!(
                "no line at the margin gives {:?} one number, text, True or False, as in `n = 3`; {}",
                name.trim(),
                known.join("; ")
            )));
        }
    }
    for (stage, program, values) in programs {
        program.set(stage, &values);
    }
    Ok(())
}

/// The words of one stage, or a shell that reads them.
fn command(words: &[OsString], is_shell: bool) -> ChildSpec {
    if !is_shell {
        return ChildSpec::new(words);
    }
    let line = words.join(OsStr::new(" "));
    ChildSpec { name: "sh".to_owned(), ..ChildSpec::new(["/bin/sh".into(), "-c".into(), line]) }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::model::{Signal, WindowSize};

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        arguments: Arguments,
    }

    fn read(words: &[&str]) -> Result<(Vec<ChildSpec>, Option<Vec<u8>>), String> {
        let line = Line::try_parse_from([&["exec"], words].concat()).map_err(|error| error.to_string())?;
        let keep_fds = keep_fds(&line.arguments).map_err(|error| error.to_string())?;
        let request = request(&line.arguments, &keep_fds, false).map_err(|error| error.to_string())?;
        match request.what {
            What::Programs { stages, input } => Ok((stages, input)),
            What::Scenario { .. } => unreachable!("exec runs programs"),
        }
    }

    #[test]
    fn options_end_where_the_command_begins() {
        let (stages, _) = read(&["--nice", "5", "--", "ls", "--", "--nice", "9"]).expect("valid");
        assert_eq!(stages[0].argv, ["ls", "--", "--nice", "9"]);
        assert_eq!(stages[0].nice, Some(5));
        let (stages, _) = read(&["ls", "--color"]).expect("the -- may be left out");
        assert_eq!(stages[0].argv, ["ls", "--color"]);
    }

    #[test]
    fn stages_are_split_and_an_empty_one_is_named() {
        let (stages, _) = read(&["--", "cat", "x", ":::", "sort", ":::", "uniq"]).expect("valid");
        assert_eq!(stages.iter().map(|stage| stage.argv.len()).collect::<Vec<_>>(), [2, 1, 1]);
        assert_eq!(read(&["--", "cat", ":::"]).expect_err("empty"), "stage 2 of 2 has no command");
        assert!(read(&["--executable", "/bin/x", "--", "a", ":::", "b"]).is_err());
        assert!(read(&[]).is_err());
    }

    #[test]
    fn input_is_a_text_a_file_or_nothing() {
        let stdin = |word: &str| {
            let (stages, input) = read(&["--stdin", word, "--", "cat", ":::", "cat"]).expect("valid");
            assert_eq!(stages[1].stdin, Input::Null);
            (stages[0].stdin.clone(), input)
        };
        assert_eq!(stdin("null"), (Input::Null, None));
        assert_eq!(stdin("@/etc/hosts"), (Input::File("/etc/hosts".into()), None));
        assert_eq!(stdin("hello"), (Input::Pipe, Some(b"hello".to_vec())));
        assert_eq!(read(&["--", "cat"]).expect("valid").0[0].stdin, Input::Inherit);
    }

    #[test]
    fn what_the_kernel_would_refuse_is_refused_first() {
        for (words, names) in [
            (&["--nice=-21", "--", "true"][..], "-20 to 19"),
            (&["--umask", "9", "--", "true"], "octal"),
            (&["--env", "novalue", "--", "true"], "NAME=VALUE"),
            (&["--keep-fd", "987", "--", "true"], "987"),
            (&["--timeout", "0", "--", "true"], "0 seconds"),
            (&["--process-group=-4", "--", "true"], "-4"),
            (&["--do", "1 dance", "--", "true"], "dance"),
            (&["--stderr", "x", "--", "true"], "merge"),
            (&["--stdout", "@", "--", "true"], "@FILE"),
            (&["--stdout", "stderr", "--stderr", "merge", "--", "true"], "each go where the other one goes"),
            (&["--rlimit", "files=3", "--", "true"], "nofile"),
            (&["--rlimit", "nofile=64:32", "--", "true"], "above its hard limit"),
            (&["--affinity", "2-1", "--", "true"], "0,2-3"),
            (&["--death-signal", "SIGNO", "--", "true"], "SIGNO"),
            (&["--pty=0x3", "--", "true"], "80x24"),
            (&["--pty", "--", "true", ":::", "true"], "single stage"),
            (&["--memory-max", "much", "--", "true"], "512M"),
            (&["--cpu-max", "0", "--", "true"], "0"),
        ] {
            let error = read(words).expect_err(names);
            assert!(error.contains(names), "{error}");
        }
    }

    #[test]
    fn the_group_is_its_own_unless_it_reads_our_terminal() {
        let group = |words: &[&str], is_terminal| {
            let line = Line::try_parse_from([&["exec"], words, &["--", "true"]].concat()).expect("valid");
            match request(&line.arguments, &[], is_terminal).expect("valid").what {
                What::Programs { stages, .. } => stages[0].group,
                What::Scenario { .. } => unreachable!("exec runs programs"),
            }
        };
        assert_eq!(group(&[], true), Group::Inherited);
        assert_eq!(group(&["--stdin", "null"], true), Group::Own);
        assert_eq!(group(&["--process-group"], true), Group::Own);
        assert_eq!(group(&["--process-group=7"], true), Group::Join(Pgid::new(7)));
        assert_eq!(group(&[], false), Group::Own);
    }

    #[test]
    fn every_argument_of_popen_has_its_option() {
        let line = "--stdout +log --stderr @err --rlimit nofile=64 --rlimit core=0:unlimited --affinity 0-1 --death-signal TERM \
                    --memory-max 64M --cpu-max 50 -- true";
        let (stages, _) = read(&line.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>()).expect("valid");
        let stage = &stages[0];
        assert_eq!((&stage.stdout, &stage.stderr), (&OutputTo::Append("log".into()), &OutputTo::File("err".into())));
        assert_eq!(
            stage.limits.iter().map(|limit| (limit.soft, limit.hard)).collect::<Vec<_>>(),
            [(Some(64), Some(64)), (Some(0), None)]
        );
        assert_eq!((stage.affinity.as_slice(), stage.death_signal), (&[0, 1][..], Some(Signal::TERM)));
        assert_eq!(stage.group_limits, GroupLimits { memory: Some(64 << 20), cpu_percent: Some(50) });
        let (stages, _) = read(&["--pty=100x30", "--stdin", "pipe", "--", "sh"]).expect("valid");
        assert_eq!((stages[0].terminal, &stages[0].stdin), (Some(WindowSize { columns: 100, rows: 30 }), &Input::Pipe));
        assert_eq!((&stages[0].stdout, &stages[0].stderr), (&OutputTo::Pipe, &OutputTo::Pipe), "what it shows comes through us");
    }

    #[test]
    fn a_shell_reads_the_words_as_one_line() {
        let (stages, _) = read(&["--shell", "--", "echo", "$HOME | wc"]).expect("valid");
        assert_eq!(stages[0].argv, ["/bin/sh", "-c", "echo $HOME | wc"]);
    }
}
