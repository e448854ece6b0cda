"""What a task does while time passes: time.sleep, and input(), which waits for a person."""

import builtins
import sys
import time

from .frames import is_own
from .hooks import wrap
from .lanes import wait_begins, wait_ends
from .listener import is_listening


def install():
    """Tells of the program's own sleeps and questions."""

    @wrap(time, "sleep")
    def _(original):
        def sleep(seconds, /):
            frame = sys._getframe(1)
            if seconds == 0 or not is_own(frame) and frame.f_globals.get("__name__") != "sched":
                return original(seconds)
            wait = wait_begins("sleep()", word="sleeping")
            try:
                # A person can end a sleep that lasts long enough for that.
                if type(seconds) in (int, float) and 0.2 <= seconds <= 1e6 and is_listening() and wait.lane.sleep(seconds):
                    return None
                return original(seconds)
            finally:
                wait_ends(wait)

        return sleep

    @wrap(builtins, "input")
    def _(original):
        def input(*prompt):
            if not is_own(sys._getframe(1)):
                return original(*prompt)
            wait = wait_begins("input()")
            try:
                return original(*prompt)
            finally:
                wait_ends(wait)

        return input
