//! The header's lines through the kernel's character device, which knows who holds which line. On a Raspberry Pi the registers
//! add what every line does now, without claiming it.

use std::collections::BTreeMap;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};

use gpiocdev::chip::Chip;
use gpiocdev::line::{Bias, EdgeDetection, EdgeKind, EventClock, Value};
use gpiocdev::request::Request;
use rppal::gpio::Mode;
use rustix::fs::{Access, access};

use super::registers::{Registers, raspberry_pi_model};
use super::{Board, BoardKind, GpioError, InputSettings, LineInfo};
use crate::model::{Level, Line, Monotonic, Pull, PullUnknown};

/// Labels of the chips that the header is on: Raspberry Pi 5, 4, and those before. Never a number: the Pi 5's header has moved from
/// gpiochip4 to gpiochip0.
const HEADER_CHIPS: [&str; 3] = ["pinctrl-rp1", "pinctrl-bcm2711", "pinctrl-bcm2835"];

/// The kernel keeps at most this many bytes of a consumer's name.
const LONGEST_CONSUMER: usize = 31;

/// A chip, and the lines of it that we hold.
#[derive(Debug)]
pub struct Chardev {
    chip: Chip,
    label: String,
    chosen: Option<String>,
    claims: BTreeMap<Line, Claim>,
    registers: Result<Registers, PullUnknown>,
}

#[derive(Debug)]
struct Claim {
    request: Request,
    /// The level that we drive it to; `None` for an input that is watched.
    driven: Option<Level>,
}

impl Chardev {
    /// Opens the header's chip, or the one with this label.
    pub fn open(label: Option<&str>) -> Result<Self, GpioError> {
        let missing =
            |why: String| GpioError::NotAvailable { kind: BoardKind::Chardev(label.map(str::to_owned)).to_string(), why };
        let paths = gpiocdev::chip::chips().map_err(|error| missing(error.to_string()))?;
        if let Some(denied) = paths.iter().find(|path| access(*path, Access::READ_OK | Access::WRITE_OK).is_err()) {
            return Err(GpioError::Denied { path: denied.display().to_string() });
        }
        let labels: Vec<(PathBuf, String)> =
            paths.iter().filter_map(|path| Some((path.clone(), Chip::from_path(path).ok()?.info().ok()?.label))).collect();
        let (path, found) = choose_chip(&labels, label).ok_or_else(|| {
            missing(match label {
                Some(label) => format!("no /dev/gpiochip* has the label {label:?}"),
                None => "no /dev/gpiochip* belongs to a Raspberry Pi's header".to_owned(),
            })
        })?;
        let chip = Chip::from_path(path).map_err(|error| missing(error.to_string()))?;
        let registers = match label {
            None => Registers::open().map_err(|error| PullUnknown::NoAccess(error.to_string())),
            Some(_) => Err(PullUnknown::Unclaimed),
        };
        Ok(Self { chip, label: found.to_owned(), chosen: label.map(str::to_owned), claims: BTreeMap::new(), registers })
    }

    fn refused(&self, what: &str, line: Line, error: &gpiocdev::Error) -> GpioError {
        match self.consumer(line) {
            Some(holder) => GpioError::Held { line, holder },
            None => GpioError::Kernel { what: format!("{what} {line}"), why: error.to_string() },
        }
    }

    /// Another program that holds a line, by the name that it gave the kernel.
    fn consumer(&self, line: Line) -> Option<String> {
        let info = self.chip.line_info(line.number().into()).ok().filter(|info| info.used)?;
        (!self.claims.contains_key(&line)).then(|| if info.consumer.is_empty() { "the kernel".to_owned() } else { info.consumer })
    }
}

/// The chip with this label, or the header's: its path and label.
fn choose_chip<'a>(chips: &'a [(PathBuf, String)], label: Option<&str>) -> Option<(&'a Path, &'a str)> {
    let wanted = label.map_or_else(|| HEADER_CHIPS.to_vec(), |label| vec![label]);
    let (path, label) = wanted.iter().find_map(|wanted| chips.iter().find(|(_, label)| label == wanted))?;
    Some((path, label))
}

fn value(level: Level) -> Value {
    if level == Level::High { Value::Active } else { Value::Inactive }
}

/// `tasklab:` and the owner, cut to the length that the kernel takes.
fn consumer_name(owner: &str) -> String {
    let mut name = format!("tasklab:{owner}");
    while name.len() > LONGEST_CONSUMER {
        name.pop();
    }
    name
}

impl Board for Chardev {
    fn name(&self) -> String {
        match (&self.chosen, raspberry_pi_model()) {
            (None, Some(model)) => model,
            _ => format!("{} ({})", self.label, self.chip.path().display()),
        }
    }

    fn kind(&self) -> BoardKind {
        BoardKind::Chardev(self.chosen.clone())
    }

    fn drive(&mut self, line: Line, level: Level, consumer: &str) -> Result<(), GpioError> {
        if let Some(claim) = self.claims.get_mut(&line).filter(|claim| claim.driven.is_some()) {
            return match claim.request.set_lone_value(value(level)) {
                Ok(()) => {
                    claim.driven = Some(level);
                    Ok(())
                }
                Err(error) => Err(self.refused("drive", line, &error)),
            };
        }
        // A line that we only watched is claimed anew.
        self.claims.remove(&line);
        let request = Request::builder()
            .on_chip(self.chip.path())
            .with_consumer(consumer_name(consumer))
            .with_line(line.number().into())
            .as_output(value(level))
            .request()
            .map_err(|error| self.refused("drive", line, &error))?;
        self.claims.insert(line, Claim { request, driven: Some(level) });
        Ok(())
    }

    fn watch(&mut self, line: Line, settings: InputSettings, consumer: &str) -> Result<(), GpioError> {
        self.claims.remove(&line);
        let mut builder = Request::builder();
        builder
            .on_chip(self.chip.path())
            .with_consumer(consumer_name(consumer))
            .with_line(line.number().into())
            .as_input()
            .with_edge_detection(EdgeDetection::BothEdges)
            .with_event_clock(EventClock::Monotonic)
            .with_bias(settings.pull.map(|pull| match pull {
                Pull::Up => Bias::PullUp,
                Pull::Down => Bias::PullDown,
                Pull::Off => Bias::Disabled,
            }));
        if let Some(period) = settings.debounce {
            builder.with_debounce_period(period);
        }
        let request = builder.request().map_err(|error| self.refused("watch", line, &error))?;
        self.claims.insert(line, Claim { request, driven: None });
        Ok(())
    }

    fn release(&mut self, line: Line) {
        let Some(claim) = self.claims.remove(&line) else { return };
        if claim.driven.is_some() {
            // A released line may stay driven on a Raspberry Pi, so it is made an input before.
            let mut config = claim.request.config();
            config.with_line(line.number().into()).as_input();
            let _ = claim.request.reconfigure(&config);
        }
    }

    fn info(&self, line: Line) -> LineInfo {
        let info = self.chip.line_info(line.number().into()).ok();
        let claim = self.claims.get(&line);
        let registers = self.registers.as_ref().ok();
        let peek = registers.and_then(|registers| registers.peek(line));
        let read = |claim: &Claim| claim.request.lone_value().ok().map(|value| Level::high_if(value == Value::Active));
        LineInfo {
            level: claim.and_then(|claim| claim.driven.or_else(|| read(claim))).or_else(|| peek.map(|(_, level)| level)),
            // From the hardware, else the setting that a program has asked the kernel for.
            pull: registers.and_then(|registers| registers.pull(line)).or_else(|| {
                info.as_ref().and_then(|info| info.bias).map(|bias| match bias {
                    Bias::PullUp => Pull::Up,
                    Bias::PullDown => Pull::Down,
                    Bias::Disabled => Pull::Off,
                })
            }),
            function: peek.filter(|(mode, _)| claim.is_none() && *mode != Mode::Input).map(|(mode, _)| mode.to_string()),
            consumer: self.consumer(line),
        }
    }

    fn pull_unknown(&self) -> Option<&PullUnknown> {
        self.registers.as_ref().map_or_else(Some, Registers::pull_unknown)
    }

    fn read(&mut self, line: Line) -> Result<Level, GpioError> {
        if let Some(level) = self.info(line).level {
            return Ok(level);
        }
        // Nobody holds the line and no register shows it, so it is claimed for a moment, without a change.
        let request = Request::builder()
            .on_chip(self.chip.path())
            .with_consumer(consumer_name("get"))
            .with_line(line.number().into())
            .request()
            .map_err(|error| self.refused("read", line, &error))?;
        let value = request.lone_value().map_err(|error| self.refused("read", line, &error))?;
        Ok(Level::high_if(value == Value::Active))
    }

    fn fds(&self) -> Vec<BorrowedFd<'_>> {
        self.claims.values().filter(|claim| claim.driven.is_none()).map(|claim| claim.request.as_fd()).collect()
    }

    fn take_edges(&mut self, _: Monotonic) -> Vec<(Line, Level, Monotonic)> {
        let mut edges = Vec::new();
        for (line, claim) in self.claims.iter().filter(|(_, claim)| claim.driven.is_none()) {
            while claim.request.has_edge_event().is_ok_and(|has| has)
                && let Ok(event) = claim.request.read_edge_event()
            {
                let level = Level::high_if(event.kind == EdgeKind::Rising);
                edges.push((*line, level, Monotonic::from_nanos(event.timestamp_ns)));
            }
        }
        edges.sort_by_key(|(_, _, at)| *at);
        edges
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chips(labels: &[&str]) -> Vec<(PathBuf, String)> {
        let path = |index: usize| PathBuf::from(format!("/dev/gpiochip{index}"));
        labels.iter().enumerate().map(|(index, label)| (path(index), (*label).to_owned())).collect()
    }

    /// Covers: F73.
    #[test]
    fn the_header_is_found_by_label_wherever_it_is() {
        let found = |labels: &[&str], wanted| choose_chip(&chips(labels), wanted).map(|(path, _)| path.display().to_string());
        // A Raspberry Pi 5 before and after July 2024.
        let before = [
            "gpio-brcmstb@107d508500",
            "gpio-brcmstb@107d508520",
            "gpio-brcmstb@107d517c00",
            "gpio-brcmstb@107d517c20",
            "pinctrl-rp1",
        ];
        let after = ["pinctrl-rp1", "gpio-brcmstb@107d508500", "gpio-brcmstb@107d508520"];
        assert_eq!(found(&before, None).as_deref(), Some("/dev/gpiochip4"));
        assert_eq!(found(&after, None).as_deref(), Some("/dev/gpiochip0"));
        assert_eq!(found(&["pinctrl-bcm2711", "raspberrypi-exp-gpio"], None).as_deref(), Some("/dev/gpiochip0"));
        assert_eq!(found(&["raspberrypi-exp-gpio", "pinctrl-bcm2835"], None).as_deref(), Some("/dev/gpiochip1"));
        assert_eq!(found(&["INT34C6:00"], None), None);
        assert_eq!(found(&["INT34C6:00", "gpio-sim.0-node0"], Some("gpio-sim.0-node0")).as_deref(), Some("/dev/gpiochip1"));
        assert_eq!(found(&after, Some("nobody")), None);
    }

    #[test]
    fn a_consumers_name_fits_the_kernel() {
        assert_eq!(consumer_name("thread-pool"), "tasklab:thread-pool");
        let long = consumer_name(&"ä".repeat(40));
        assert!(long.len() <= LONGEST_CONSUMER && long.starts_with("tasklab:ää"), "{long}");
    }
}
