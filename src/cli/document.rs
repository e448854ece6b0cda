//! The man page and the shells' completions, from the declarations that `--help` comes from. `packaging/setup.sh deb` asks for them by
//! `tasklab __document KIND`. Launches nothing.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::io::{self, Write};
use std::process::ExitCode;

use clap::Command;
use clap::builder::PossibleValuesParser;
use clap_complete::Shell;
use clap_mangen::Man;

use super::entry::command;
use super::error::CliError;
use super::out::print;
use crate::scenario::CATALOGUE;

/// The sections of the man page that clap does not make: DESCRIPTION, and those that come after COMMANDS.
const MANUAL: &str = include_str!("document/manual.roff");

/// Prints the man page (`man`) or a shell's completions (`bash`, `zsh` or `fish`).
pub fn document(kind: &OsStr) -> ExitCode {
    let text = match kind.to_str() {
        Some("man") => man_page().map_err(|error| CliError::Missing(error.to_string())),
        Some(shell) => completions(shell),
        None => Err(unknown(&kind.to_string_lossy())),
    };
    match text.and_then(|text| print(&text).map_err(|error| CliError::output(&error))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            error.print();
            ExitCode::from(error.status())
        }
    }
}

fn unknown(kind: &str) -> CliError {
    CliError::Usage(format!("there is no document {kind:?}; there are: man, bash, zsh, fish"))
}

/// A script that completes commands, options, their values, and what the catalogue names.
fn completions(shell: &str) -> Result<String, CliError> {
    let shell: Shell = shell.parse().map_err(|_| unknown(shell))?;
    let ids = PossibleValuesParser::new(CATALOGUE.iter().map(|scenario| scenario.id));
    let params: BTreeSet<&str> = CATALOGUE.iter().flat_map(|scenario| scenario.params).map(|param| param.name).collect();
    let params = PossibleValuesParser::new(params.into_iter().map(|name| format!("{name}=")));
    let mut command = command().mut_arg("scenario", |arg| arg.value_parser(ids.clone())).mut_subcommand("run", |run| {
        run.mut_arg("id", |arg| arg.value_parser(ids)).mut_arg("set", |arg| arg.value_parser(params))
    });
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command, "tasklab", &mut script);
    Ok(String::from_utf8_lossy(&script).into_owned())
}

/// One page for all commands, since `tasklab --help` and each command's own say the same in short.
fn man_page() -> io::Result<String> {
    let mut command = command().disable_help_subcommand(true);
    command.build();
    let usages = command.get_subcommands().map(usage);
    let usages: Vec<String> = std::iter::once("tasklab [OPTIONS]".to_owned()).chain(usages).collect();
    let command = command.override_usage(usages.join("\n"));
    let man = Man::new(command.clone());
    let (description, sections) = MANUAL.split_at(MANUAL.find("\n.SH ").map_or(0, |at| at + 1));

    let mut page = Vec::new();
    // clap_mangen's texts use the string Aq for an apostrophe. Its own title is wrong where there is no date: the arguments move up.
    writeln!(page, ".ds Aq \\(aq\n.TH TASKLAB 1 \"\" \"Task Lab {}\" \"User Commands\"", env!("CARGO_PKG_VERSION"))?;
    page.extend(body(|out| man.render_name_section(out).and_then(|()| man.render_synopsis_section(out)))?);
    page.extend(description.bytes());
    page.extend(body(|out| man.render_options_section(out))?);
    writeln!(page, ".SH COMMANDS")?;
    for verb in command.get_subcommands() {
        command_section(&mut page, verb)?;
    }
    page.extend(sections.bytes());
    Ok(String::from_utf8_lossy(&page).into_owned())
}

/// A command and the commands below it: how it is called, what it does, and its options.
fn command_section(page: &mut Vec<u8>, command: &Command) -> io::Result<()> {
    writeln!(page, ".SS {}", usage(command))?;
    // --help is said once, of `tasklab` itself.
    let man = Man::new(command.clone().mut_arg("help", |help| help.hide(true)));
    for section in [Man::render_description_section, Man::render_options_section] {
        let text = body(|out| section(&man, out))?;
        let lines = text.split_inclusive(|byte| *byte == b'\n').filter(|line| !line.starts_with(b".SH "));
        page.extend(lines.flatten());
    }
    command.get_subcommands().try_for_each(|below| command_section(page, below))
}

/// How a command is called. It must have been built.
fn usage(command: &Command) -> String {
    let usage = command.clone().render_usage().to_string();
    usage.trim_start_matches("Usage: ").to_owned()
}

/// A part of the page, without the definition of an apostrophe that `clap_mangen` writes before each.
fn body(render: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    render(&mut text)?;
    let lines =
        text.split_inclusive(|byte| *byte == b'\n').filter(|line| !line.starts_with(b".ie ") && !line.starts_with(b".el "));
    Ok(lines.flatten().copied().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All options of a command and of those below it.
    fn options(command: &Command) -> Vec<String> {
        let own = command.get_opts().filter_map(|option| option.get_long()).map(str::to_owned);
        own.chain(command.get_subcommands().flat_map(options)).collect()
    }

    #[test]
    fn the_man_page_names_every_command_and_every_option() {
        let page = man_page().expect("written to memory");
        assert!(page.starts_with(".ds Aq") && page.contains("\n.SH NAME\ntasklab \\- "), "{page}");
        for verb in command().get_subcommands() {
            assert!(page.contains(&format!("\n.SS tasklab {}", verb.get_name())), "{}", verb.get_name());
        }
        assert!(page.contains("\n.SS tasklab gpio blink "));
        for option in options(&command()) {
            let header = format!("\n\\fB\\-\\-{}\\fR", option.replace('-', "\\-"));
            assert!(page.contains(&header), "--{option}");
        }
        for section in ["DESCRIPTION", "COMMANDS", "EXIT STATUS", "ENVIRONMENT", "FILES", "EXAMPLES"] {
            assert_eq!(page.matches(&format!("\n.SH {section}\n")).count(), 1, "{section}");
        }
    }

    #[test]
    fn each_shell_completes_commands_options_and_scenarios() {
        for shell in ["bash", "zsh", "fish"] {
            let script = completions(shell).expect(shell);
            for word in ["gpio", "rlimit", "thread-pool", "workers=", "python"] {
                assert!(script.contains(word), "{word} in {shell}'s");
            }
            assert!(!script.contains("__document"), "{shell}'s");
        }
        assert!(completions("csh").is_err());
    }
}
