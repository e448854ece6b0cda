//! The resistor of each line, from the chip's own registers and without a claim: rppal sets it but does not tell it. A Raspberry Pi 4
//! (BCM2711) and 5 (RP1) can be asked; the chips before have registers for it that can only be written.

use std::io;
use std::path::Path;

use rppal::system::{DeviceInfo, SoC};

use super::GpioError;
use crate::model::{Line, Pull, PullUnknown};
use crate::sys::ReadRegisters;

/// The registers in which a chip keeps the resistors of its lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Layout {
    /// `GPIO_PUP_PDN_CNTRL_REG0` and the following, 16 lines each (BCM2711 ARM Peripherals, chapter 5).
    Bcm2711,
    /// `PADS_BANK0`, a register for each line (RP1 Peripherals, chapter 3).
    Rp1,
}

/// The GPIO block of a BCM2711 in the machine's memory, for root where there is no /dev/gpiomem.
const BCM2711_GPIO: u64 = 0xfe20_0000;

impl Layout {
    /// The register that knows this line's resistor, counted from the block's first one.
    const fn register(self, line: Line) -> usize {
        let line = line.number() as usize;
        match self {
            Self::Bcm2711 => 0xe4 / 4 + line / 16,
            // The pads' first register is not a line's.
            Self::Rp1 => 0x2_0000 / 4 + 1 + line,
        }
    }

    /// The line's resistor by this register's value; `None` for a value that the documents leave open.
    const fn pull(self, line: Line, value: u32) -> Option<Pull> {
        match self {
            Self::Bcm2711 => match value >> (line.number() % 16 * 2) & 0b11 {
                0 => Some(Pull::Off),
                1 => Some(Pull::Up),
                2 => Some(Pull::Down),
                _ => None,
            },
            // PDE is bit 2, PUE is bit 3.
            Self::Rp1 => match value >> 2 & 0b11 {
                0 => Some(Pull::Off),
                1 => Some(Pull::Down),
                2 => Some(Pull::Up),
                _ => None,
            },
        }
    }

    /// How many registers the driver's mapping has: /dev/gpiomem0 is mapped whole or not at all.
    const fn words(self) -> usize {
        match self {
            Self::Bcm2711 => 0x1000 / 4,
            Self::Rp1 => 0x3_0000 / 4,
        }
    }
}

/// The mapped registers.
#[derive(Debug)]
pub(super) struct Pulls {
    layout: Layout,
    registers: ReadRegisters,
}

impl Pulls {
    /// Maps them for reading, or says why this machine's resistors cannot be told.
    pub(super) fn open() -> Result<Self, PullUnknown> {
        let device = DeviceInfo::new().map_err(|error| PullUnknown::NoAccess(error.to_string()))?;
        let mapped = match device.soc() {
            SoC::Bcm2711 => Self::map(Layout::Bcm2711, "/dev/gpiomem", 0)
                .or_else(|error| Self::map(Layout::Bcm2711, "/dev/mem", BCM2711_GPIO).map_err(|second| better(error, second))),
            SoC::Bcm2712 => Self::map(Layout::Rp1, "/dev/gpiomem0", 0),
            chip @ (SoC::Bcm2835 | SoC::Bcm2836 | SoC::Bcm2837A1 | SoC::Bcm2837B0) => {
                return Err(PullUnknown::WriteOnly { model: device.model().to_string(), chip: chip.to_string() });
            }
            newer => return Err(PullUnknown::NoAccess(format!("Task Lab does not know where a {newer} keeps it"))),
        };
        mapped.map_err(|error| PullUnknown::NoAccess(error.to_string()))
    }

    fn map(layout: Layout, path: &str, start: u64) -> Result<Self, GpioError> {
        match ReadRegisters::map(Path::new(path), start, layout.words()) {
            Ok(registers) => Ok(Self { layout, registers }),
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Err(GpioError::Denied { path: path.to_owned() }),
            Err(error) => Err(GpioError::Kernel { what: format!("map {path}"), why: error.to_string() }),
        }
    }

    /// The resistor of a line, as it is now.
    pub(super) fn of(&self, line: Line) -> Option<Pull> {
        self.layout.pull(line, self.registers.read(self.layout.register(line))?)
    }
}

/// Which of two errors helps more: that a permission is missing, and first the one that the group gpio gives.
fn better(first: GpioError, second: GpioError) -> GpioError {
    match (&first, &second) {
        (GpioError::Denied { .. }, _) => first,
        (_, GpioError::Denied { .. }) => second,
        _ => first,
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use proptest::prelude::*;

    use super::*;

    const PULLS: [Option<Pull>; 4] = [Some(Pull::Off), Some(Pull::Up), Some(Pull::Down), None];

    /// The register words of a chip whose lines 0 to 31 have these resistors, bit by bit as the chip's documents describe them.
    fn words(layout: Layout, pulls: &[Option<Pull>]) -> Vec<u32> {
        let mut words = vec![0; layout.words()];
        for (line, pull) in pulls.iter().enumerate() {
            let (up, down) = match pull {
                Some(Pull::Up) => (true, false),
                Some(Pull::Down) => (false, true),
                Some(Pull::Off) => (false, false),
                None => (true, true),
            };
            match layout {
                Layout::Bcm2711 => {
                    let register = [57, 58][line / 16];
                    words[register] |= u32::from(up) << (2 * (line % 16)) | u32::from(down) << (2 * (line % 16) + 1);
                }
                // Slew, Schmitt, drive and the two enables are on, too: they must not be taken for a resistor.
                Layout::Rp1 => words[0x8001 + line] = 0b1111_0011 | u32::from(up) << 3 | u32::from(down) << 2,
            }
        }
        words
    }

    fn read(layout: Layout, words: &[u32]) -> Vec<Option<Pull>> {
        let mut device = tempfile::NamedTempFile::new().expect("a file");
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_ne_bytes()).collect();
        device.write_all(&bytes).expect("written");
        let pulls = Pulls::map(layout, device.path().to_str().expect("UTF-8"), 0).expect("mapped");
        Line::all().map(|line| pulls.of(line)).collect()
    }

    /// Of GPIO0 to GPIO27 a Raspberry Pi pulls 0 to 8 up and the others down when it starts (BCM2711 ARM Peripherals, table of the
    /// alternative functions; so do QEMU's reset values).
    #[test]
    fn a_raspberry_pi_4_after_reset() {
        let mut words = vec![0; Layout::Bcm2711.words()];
        (words[57], words[58]) = (0xaaa9_5555, 0xa0aa_aaaa);
        let expected = Line::all().map(|line| Some(if line.number() <= 8 { Pull::Up } else { Pull::Down }));
        assert_eq!(read(Layout::Bcm2711, &words), expected.collect::<Vec<_>>());
    }

    #[test]
    fn no_two_lines_share_their_bits() {
        for layout in [Layout::Bcm2711, Layout::Rp1] {
            for line in Line::all() {
                let mut pulls = [Some(Pull::Off); 32];
                pulls[usize::from(line.number())] = Some(Pull::Up);
                let read = read(layout, &words(layout, &pulls));
                assert_eq!(read.iter().filter(|pull| **pull == Some(Pull::Up)).count(), 1, "{layout:?} {line}");
            }
        }
    }

    proptest! {
        #[test]
        fn every_line_has_the_resistor_that_its_register_says(choices in proptest::collection::vec(0_usize..4, 32)) {
            let pulls: Vec<Option<Pull>> = choices.iter().map(|choice| PULLS[*choice]).collect();
            for layout in [Layout::Bcm2711, Layout::Rp1] {
                prop_assert_eq!(&read(layout, &words(layout, &pulls))[..], &pulls[2..=27], "{:?}", layout);
            }
        }
    }

    #[test]
    fn registers_that_cannot_be_mapped_are_named_and_a_refusal_says_what_helps() {
        let error = Pulls::map(Layout::Rp1, "/no/such/gpiomem0", 0).expect_err("none");
        assert!(error.to_string().contains("/no/such/gpiomem0"), "{error}");
        let missing = |path: &str| GpioError::Kernel { what: format!("map {path}"), why: "No such file".to_owned() };
        let denied = |path: &str| GpioError::Denied { path: path.to_owned() };
        assert_eq!(better(missing("gpiomem"), denied("mem")), denied("mem"));
        assert_eq!(better(denied("gpiomem"), denied("mem")), denied("gpiomem"));
        assert_eq!(better(missing("gpiomem"), missing("mem")), missing("gpiomem"));
        if DeviceInfo::new().ok().is_none() {
            assert!(matches!(Pulls::open(), Err(PullUnknown::NoAccess(_))), "not a Raspberry Pi");
        }
    }
}
