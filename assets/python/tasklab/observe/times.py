"""What a task does while time passes: time.sleep, and input(), which waits for a person."""

import builtins
import sys
import time

from .frames import is_own
from .hooks import wrap
from .lanes import wait_begins, wait_ends
from .listener import is_listening
from .things import is_asked, of


def install():
    """Tells of the program's own sleeps and questions."""

    @wrap(time, "sleep")
    def _(original):
        def sleep(seconds, /):
            frame = sys._getframe(1)
            is_sched = frame.f_globals.get("__name__") == "sched"
            if seconds == 0 or not is_sched and not is_asked(frame):
                return original(seconds)
            agenda = of(frame.f_locals["self"]) if is_sched else None
            # A scheduler waits for its next event.
            wait = wait_begins(agenda.on, at_most=seconds) if agenda else wait_begins("sleep()", None, "sleeping", seconds)
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
