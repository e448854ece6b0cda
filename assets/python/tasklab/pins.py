"""gpiozero's pins on Task Lab's header: GPIOZERO_PIN_FACTORY=tasklab.

An output tells the level that it should have, and the supervisor drives the line. An input asks for its line to be watched; a press comes
as an action. The pins themselves are gpiozero's own mock pins, which know all that devices ask of a pin.
"""

import threading
from queue import SimpleQueue
from time import sleep

from gpiozero import BadPinFactory
from gpiozero.pins.mock import MockFactory, MockPWMPin

from .observe import lanes, lines, listener

CLICK = 0.1  # seconds that a button stays pressed: Task Lab tells when it is pressed, not when it is let go

_presses = SimpleQueue()  # pins whose buttons are pressed


class Pin(MockPWMPin):
    """A pin of the header. An output between low and high, as a dimmed LED has it, is the nearer of the two."""

    _shown = None  # the level that was told last, while it is an output
    _is_closing = False

    def _change_state(self, value):
        has_changed = super()._change_state(value)
        if self._function == "output":
            self._show(int(self._state >= 0.5))
        return has_changed

    def _set_function(self, value):
        if value != "output" and self._shown:
            self._show(0)
        super()._set_function(value)
        if value == "output":
            self._show(int(self._state >= 0.5))
        else:
            self._shown = None
            if not self._is_closing:
                self._watch()

    def output_with_state(self, state):
        self._state = state  # before it is an output: an LED that is on when its pin is low does not flash
        super().output_with_state(state)

    def close(self):
        self._is_closing = True
        super().close()
        self._is_closing = False  # The next device may use this pin.

    def _show(self, level):
        if level != self._shown:
            self._shown = level
            lines.tell("gpio", line=self.number, value=level)
            lines.flush()

    def _watch(self):
        target = f"GPIO{self.number}"
        lines.tell("action", do="watch", target=target, by="lesson")
        lines.flush()
        listener.on_press(target, lambda: _presses.put(self))

    def click(self):
        """Presses the button and lets it go. Devices call the program's functions meanwhile."""
        if self._function != "input":
            return
        press, let_go = (self.drive_high, self.drive_low) if self._pull == "down" else (self.drive_low, self.drive_high)
        press()
        sleep(CLICK)
        if self._function == "input":
            let_go()


class Factory(MockFactory):
    """What gpiozero makes its pins with."""

    def __init__(self):
        if not lines.is_open():
            raise BadPinFactory("the pins of Task Lab are there only in a program that Task Lab observes")
        super().__init__(pin_class=Pin)
        threading.Thread(target=_click, name="gpio", daemon=True).start()


def _click():
    """A thread of its own: a function of the program may take its time, and the listener has other actions to read."""
    lanes.name_thread("gpio")
    while True:
        _presses.get().click()
