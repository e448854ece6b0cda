//! A Raspberry Pi's GPIO registers, through the crate rppal: what every line does, without claiming it, and the fallback for
//! driving lines where no character device can be used. Its resistor, which rppal does not tell, is read beside it. The registers
//! know no owners: never use both on one line.

use std::collections::BTreeMap;
use std::os::fd::BorrowedFd;

use rppal::gpio::{Error, Gpio, Mode, OutputPin};

use super::pulls::Pulls;
use super::{Board, BoardKind, GpioError, InputSettings, LineInfo};
use crate::model::{Level, Line, Monotonic, Pull, PullUnknown};

/// The Raspberry Pi's model, such as `Raspberry Pi 4 B`; `None` on any other machine.
pub fn raspberry_pi_model() -> Option<String> {
    rppal::system::DeviceInfo::new().ok().map(|device| device.model().to_string())
}

/// The registers, and the lines that we drive through them.
#[derive(Debug)]
pub struct Registers {
    gpio: Gpio,
    pulls: Result<Pulls, PullUnknown>,
    driven: BTreeMap<Line, OutputPin>,
}

impl Registers {
    /// Maps the registers: /dev/gpiomem for members of the group gpio, /dev/mem for root.
    pub fn open() -> Result<Self, GpioError> {
        match Gpio::new() {
            Ok(gpio) => Ok(Self { gpio, pulls: Pulls::open(), driven: BTreeMap::new() }),
            Err(Error::PermissionDenied(path)) => Err(GpioError::Denied { path }),
            Err(Error::UnknownModel) => Err(GpioError::NotAvailable {
                kind: BoardKind::Rppal.to_string(),
                why: "this is no Raspberry Pi that it knows".to_owned(),
            }),
            Err(error) => Err(GpioError::NotAvailable { kind: BoardKind::Rppal.to_string(), why: error.to_string() }),
        }
    }

    /// The function and level of a line, which need no claim.
    pub(super) fn peek(&self, line: Line) -> Option<(Mode, Level)> {
        if let Some(pin) = self.driven.get(&line) {
            return Some((Mode::Output, Level::high_if(pin.is_set_high())));
        }
        let pin = self.gpio.get(line.number()).ok()?;
        Some((pin.mode(), Level::high_if(pin.read() == rppal::gpio::Level::High)))
    }

    /// The resistor of a line. Any program may have set it.
    pub(super) fn pull(&self, line: Line) -> Option<Pull> {
        self.pulls.as_ref().ok()?.of(line)
    }
}

impl Board for Registers {
    fn name(&self) -> String {
        raspberry_pi_model().unwrap_or_else(|| "Raspberry Pi".to_owned())
    }

    fn kind(&self) -> BoardKind {
        BoardKind::Rppal
    }

    fn drive(&mut self, line: Line, level: Level, _consumer: &str) -> Result<(), GpioError> {
        if let Some(pin) = self.driven.get_mut(&line) {
            pin.write(if level == Level::High { rppal::gpio::Level::High } else { rppal::gpio::Level::Low });
            return Ok(());
        }
        let refused = |error: Error| GpioError::Kernel { what: format!("drive {line}"), why: error.to_string() };
        let pin = self.gpio.get(line.number()).map_err(refused)?;
        // These set the level before the direction, so that the line never shows the other one.
        let mut pin = if level == Level::High { pin.into_output_high() } else { pin.into_output_low() };
        pin.set_reset_on_drop(false);
        self.driven.insert(line, pin);
        Ok(())
    }

    fn watch(&mut self, line: Line, _settings: InputSettings, _consumer: &str) -> Result<(), GpioError> {
        Err(GpioError::CannotWatch(line))
    }

    fn release(&mut self, line: Line) {
        if self.driven.remove(&line).is_some()
            && let Ok(pin) = self.gpio.get(line.number())
        {
            let mut pin = pin.into_input();
            // Going back to what it was before would make it an output again if another program had left it so.
            pin.set_reset_on_drop(false);
        }
    }

    fn info(&self, line: Line) -> LineInfo {
        let Some((mode, level)) = self.peek(line) else { return LineInfo::default() };
        let function = (mode != Mode::Input && !self.driven.contains_key(&line)).then(|| mode.to_string());
        LineInfo { level: Some(level), pull: self.pull(line), function, consumer: None }
    }

    fn pull_unknown(&self) -> Option<&PullUnknown> {
        self.pulls.as_ref().err()
    }

    fn read(&mut self, line: Line) -> Result<Level, GpioError> {
        self.peek(line)
            .map(|(_, level)| level)
            .ok_or_else(|| GpioError::Kernel { what: format!("read {line}"), why: "the pin is in use".to_owned() })
    }

    fn fds(&self) -> Vec<BorrowedFd<'_>> {
        Vec::new()
    }

    fn take_edges(&mut self, _: Monotonic) -> Vec<(Line, Level, Monotonic)> {
        Vec::new()
    }
}
