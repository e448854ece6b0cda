//! Parsers for what several verbs accept: times, assignments, actions. Pure.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::time::Duration;

use super::error::CliError;
use crate::model::{Action, TimedAction, seconds};

/// A time limit in seconds.
pub(super) fn limit(text: &str) -> Result<Duration, String> {
    match seconds(text) {
        Ok(time) if time.is_zero() => Err("it must be more than 0 seconds".to_owned()),
        time => time.map_err(|error| error.to_string()),
    }
}

/// A file mode creation mask in octal.
pub(super) fn umask(text: &str) -> Result<u32, String> {
    let mask = u32::from_str_radix(text, 8).ok().filter(|mask| *mask <= 0o777);
    mask.ok_or_else(|| "it must be an octal number from 0 to 777".to_owned())
}

/// `NAME=VALUE`, with any bytes in it.
pub(super) fn assignment(word: &OsString) -> Result<(OsString, OsString), CliError> {
    let bytes = word.as_bytes();
    match bytes.iter().position(|byte| *byte == b'=') {
        Some(at) if at > 0 => Ok((OsString::from_vec(bytes[..at].to_vec()), OsString::from_vec(bytes[at + 1..].to_vec()))),
        _ => Err(CliError::Usage(format!("{:?} is not NAME=VALUE", word.display().to_string()))),
    }
}

/// The actions of `--do`. `known` are those that the scenario declares; any other name is refused here, before anything runs. `None`:
/// only the user's program knows which actions it understands.
pub(super) fn script(lines: &[String], known: Option<&[&str]>) -> Result<Vec<TimedAction>, CliError> {
    lines.iter().map(|line| timed_action(line, known)).collect()
}

fn timed_action(line: &str, known: Option<&[&str]>) -> Result<TimedAction, CliError> {
    let timed: TimedAction = line.parse().map_err(|error| CliError::Usage(format!("--do: {error}")))?;
    match &timed.action {
        Action::Own { name, .. } if let Some(known) = known.filter(|known| !known.contains(&name.as_str())) => {
            const ALWAYS: &str = "terminate, kill, stop, continue (each also as -group and -tree), SIGNAME, wait, wait-any, \
                                  wait-all, type, close-stdin, toggle, press, end, stop-everything";
            // A lesson's own may be those of any program, too.
            let own: Vec<&str> =
                known.iter().enumerate().filter(|(at, own)| !known[..*at].contains(own)).map(|(_, own)| *own).collect();
            let own = if own.is_empty() { String::new() } else { format!("{}; besides ", own.join(", ")) };
            Err(CliError::Usage(format!("--do: there is no action {name:?}; there are: {own}{ALWAYS}")))
        }
        _ => Ok(timed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_limit_is_more_than_nothing() {
        assert!(limit("0").is_err() && limit("-1").is_err() && limit("0.1s") == Ok(Duration::from_millis(100)));
    }

    #[test]
    fn a_mask_is_octal() {
        assert_eq!(umask("022"), Ok(0o22));
        assert!(umask("8").is_err() && umask("1777").is_err());
    }

    #[test]
    fn an_assignment_may_hold_any_bytes_and_more_equal_signs() {
        let word = OsString::from_vec(b"A=b=\xff".to_vec());
        assert_eq!(assignment(&word).expect("valid"), ("A".into(), OsString::from_vec(b"b=\xff".to_vec())));
        assert!(assignment(&"=x".into()).is_err() && assignment(&"x".into()).is_err());
    }

    #[test]
    fn unknown_actions_are_refused_with_the_known_ones() {
        let read = |line: &str| script(&[line.to_owned()], Some(&["submit"]));
        assert_eq!(read("0.5 submit").expect("known").len(), 1);
        assert!(read("1 kill worker").is_ok() && read("2 end").is_ok() && read("1 SIGUSR1-group sort").is_ok());
        let text = read("1 sumbit").expect_err("unknown").to_string();
        assert!(text.contains("\"sumbit\"") && text.contains("submit; besides") && text.contains("kill"), "{text}");
        let text = read("1 kill").expect_err("no target").to_string();
        assert!(text.contains("target"), "{text}");
        assert!(read("kill 1").is_err());
        assert!(read("1 wait-any").is_ok() && read("1 wait-all 0.5").is_ok());
        let text = read("1 wait-all sort").expect_err("no time").to_string();
        assert!(text.contains("time limit of wait-all") && text.contains("seconds"), "{text}");
        assert!(script(&["1 stir".to_owned()], None).is_ok() && script(&["1 kill".to_owned()], None).is_err());
    }
}
