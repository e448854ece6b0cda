//! The GPIO part of `tasklab doctor`. Opens no line and drives nothing.

use std::fs;
use std::path::{Path, PathBuf};

use nix::unistd::{Gid, Group, User, getgid, getgroups, getuid};
use rustix::fs::{Access, access};

use super::registers::raspberry_pi_model;
use super::{BoardKind, open_board};
use crate::model::MachineFinding;

/// The board, the chips, access to them, and the group that gives it.
pub fn findings() -> Vec<MachineFinding> {
    let model = raspberry_pi_model();
    let mut chips = chips(Path::new("/dev"));
    chips.sort();
    let user = User::from_uid(getuid()).ok().flatten().map_or_else(|| getuid().to_string(), |user| user.name);
    let denied: Vec<&PathBuf> = chips.iter().filter(|chip| access(*chip, Access::READ_OK | Access::WRITE_OK).is_err()).collect();
    let group = Group::from_name("gpio").ok().flatten().map(|group| group.gid);
    vec![
        board(model.as_deref()),
        chips_found(&chips, model.is_some()),
        access_to(&chips, &denied, &user),
        membership(group, &own_groups(), model.is_some(), &user),
    ]
}

/// The board that `--board auto` takes here.
fn board(model: Option<&str>) -> MachineFinding {
    const TOPIC: &str = "gpio board";
    match (model, open_board(&BoardKind::Auto)) {
        (None, Ok(_)) => MachineFinding::good(TOPIC, "not a Raspberry Pi; pins are simulated"),
        (Some(_), Ok(board)) if board.kind() != BoardKind::Simulated(None) => {
            MachineFinding::good(TOPIC, format!("{}, through {}", board.name(), board.kind()))
        }
        (Some(model), Ok(_)) => {
            MachineFinding::bad(TOPIC, format!("{model}, whose pins cannot be used: they are simulated"), "see gpio access")
        }
        (_, Err(error)) => MachineFinding::bad(TOPIC, "none", error.to_string()),
    }
}

fn chips_found(chips: &[PathBuf], is_pi: bool) -> MachineFinding {
    const TOPIC: &str = "gpio chips";
    if chips.is_empty() {
        let value = "no /dev/gpiochip*";
        return if is_pi {
            MachineFinding::bad(TOPIC, value, "boot Raspberry Pi OS's own kernel, which has the character device")
        } else {
            MachineFinding::good(TOPIC, value)
        };
    }
    let described = chips.iter().map(|chip| match device_of(chip) {
        Some(device) => format!("{} ({device})", chip.display()),
        None => chip.display().to_string(),
    });
    MachineFinding::good(TOPIC, described.collect::<Vec<_>>().join(", "))
}

fn access_to(chips: &[PathBuf], denied: &[&PathBuf], user: &str) -> MachineFinding {
    const TOPIC: &str = "gpio access";
    match (chips, denied) {
        ([], _) => MachineFinding::good(TOPIC, "no chip to open"),
        (_, []) => MachineFinding::good(TOPIC, "all chips can be opened"),
        (_, [first, ..]) => MachineFinding::bad(TOPIC, format!("no permission to open {}", first.display()), join_group(user)),
    }
}

fn membership(gpio: Option<Gid>, own: &[Gid], is_pi: bool, user: &str) -> MachineFinding {
    const TOPIC: &str = "gpio group";
    match gpio {
        Some(gid) if own.contains(&gid) => MachineFinding::good(TOPIC, format!("{user} is in the group gpio")),
        Some(_) => MachineFinding::bad(TOPIC, format!("{user} is not in the group gpio, or was not at login"), join_group(user)),
        None if is_pi => MachineFinding::bad(
            TOPIC,
            "there is no group gpio",
            "sudo groupadd --system gpio, and a udev rule that gives it /dev/gpiochip*",
        ),
        None => MachineFinding::good(TOPIC, "there is no group gpio, and none is needed here"),
    }
}

fn join_group(user: &str) -> String {
    format!("sudo usermod -a -G gpio {user} (then log in again)")
}

fn own_groups() -> Vec<Gid> {
    let mut groups = getgroups().unwrap_or_default();
    groups.push(getgid());
    groups
}

fn chips(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .filter(|entry| entry.file_name().to_str().is_some_and(|name| name.starts_with("gpiochip")))
        .map(|entry| entry.path())
        .collect()
}

/// The device that a chip belongs to, such as `fe200000.gpio`.
fn device_of(chip: &Path) -> Option<String> {
    let device = fs::canonicalize(Path::new("/sys/bus/gpio/devices").join(chip.file_name()?)).ok()?;
    Some(device.parent()?.file_name()?.to_str()?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Covers: F77.
    #[test]
    fn without_permission_the_command_that_helps_is_named() {
        let chip = PathBuf::from("/dev/gpiochip0");
        let finding = access_to(std::slice::from_ref(&chip), &[&chip], "ada");
        assert!(!finding.ok && finding.value.contains("/dev/gpiochip0"));
        assert!(finding.fix.is_some_and(|fix| fix.starts_with("sudo usermod -a -G gpio ada")));
        assert!(access_to(&[chip], &[], "ada").ok);
        let (gpio, users) = (Gid::from_raw(997), Gid::from_raw(100));
        assert!(membership(Some(gpio), &[users, gpio], true, "ada").ok);
        assert!(!membership(Some(gpio), &[users], true, "ada").ok);
        assert!(!membership(None, &[users], true, "ada").ok && membership(None, &[users], false, "ada").ok);
    }

    #[test]
    fn every_finding_that_falls_short_has_a_fix() {
        let found = findings();
        assert_eq!(found.len(), 4);
        assert!(found.iter().all(|finding| finding.ok != finding.fix.is_some()), "{found:?}");
        assert_eq!(found[0].value.contains("not a Raspberry Pi"), raspberry_pi_model().is_none());
    }

    #[test]
    fn only_chips_are_listed() {
        let dev = tempfile::tempdir().expect("a folder");
        for name in ["gpiochip0", "gpiomem", "tty1", "gpiochip10"] {
            fs::write(dev.path().join(name), "").expect("a file");
        }
        assert_eq!(chips(dev.path()).len(), 2);
        assert!(chips(&dev.path().join("none")).is_empty());
    }
}
