//! Opening a board at run time. The supervisor's only thread does it: nothing here may wait.

use std::path::Path;

use super::chardev::Chardev;
use super::registers::{Registers, raspberry_pi_model};
use super::simulated::Simulated;
use super::{Board, BoardKind, GpioError};

/// Opens a board. `auto` is the header's character device on a Raspberry Pi, else its registers, else the simulated board, which
/// says in its name why it is that.
pub fn open_board(kind: &BoardKind) -> Result<Box<dyn Board>, GpioError> {
    match kind {
        BoardKind::Simulated(log) => {
            let board = Simulated::new(raspberry_pi_model().as_deref());
            Ok(Box::new(match log {
                Some(path) => board.logging_to(Path::new(path))?,
                None => board,
            }))
        }
        BoardKind::Chardev(label) => Ok(Box::new(Chardev::open(label.as_deref())?)),
        BoardKind::Rppal => Ok(Box::new(Registers::open()?)),
        BoardKind::Auto => {
            let Some(model) = raspberry_pi_model() else { return Ok(Box::new(Simulated::new(None))) };
            match Chardev::open(None) {
                Ok(chardev) => Ok(Box::new(chardev)),
                Err(error) => match Registers::open() {
                    Ok(registers) => Ok(Box::new(registers)),
                    Err(_) => Ok(Box::new(Simulated::instead_of(&model, &error))),
                },
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_board_that_is_asked_for_is_opened_or_the_error_says_what_helps() {
        assert_eq!(open_board(&BoardKind::Simulated(None)).expect("always there").kind(), BoardKind::Simulated(None));
        let error = open_board(&BoardKind::Chardev(Some("no-such-chip".into()))).expect_err("no such chip").to_string();
        assert!(error.contains("no-such-chip") && error.contains("--board simulated"), "{error}");
    }

    #[test]
    fn elsewhere_than_on_a_pi_pins_are_simulated() {
        if raspberry_pi_model().is_none() {
            assert_eq!(open_board(&BoardKind::Auto).expect("always there").kind(), BoardKind::Simulated(None));
            let error = open_board(&BoardKind::Rppal).expect_err("not a Pi").to_string();
            assert!(error.contains("rppal") && error.contains("--board simulated"), "{error}");
        }
    }
}
