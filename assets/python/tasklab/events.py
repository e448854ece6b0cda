"""The lines that a program writes: one for each thing that happens."""

import json
import os
import sys
import threading
import time

# A line appears when it is printed, also in a pipe, and a fork does not copy text that is not written yet.
sys.stdout.reconfigure(line_buffering=True)


def inherited(name):
    """The descriptor whose number is in this variable of the environment; None if it is not open. The programs that a script
    starts do not inherit it."""
    try:
        number = int(os.environ.get(name, ""))
        os.set_inheritable(number, False)
        return number
    except (ValueError, OSError):
        return None


descriptor = inherited("TASKLAB_EVENTS")  # None: nobody reads the lines
_began = int(os.environ.get("TASKLAB_T0") or time.monotonic_ns())
_lock = threading.Lock()


def event(kind, **keys):
    """Writes one event line, with a single write, so that the lines of several processes do not mix."""
    global descriptor
    if descriptor is None:
        return
    if kind in ("task.started", "task.state") and "line" not in keys and (line := _line()):
        keys["line"] = line
    with _lock:
        line = json.dumps({"t": time.monotonic_ns() - _began, "kind": kind, **keys}, separators=(",", ":")) + "\n"
        rest = line.encode()
        try:
            while rest:
                rest = rest[os.write(descriptor, rest):]
        except OSError:
            descriptor = None  # Nobody reads any more; the program goes on without telling.


def _line():
    """The line of the script that runs now: that of the nearest caller in the script itself."""
    frame = sys._getframe(2)
    while frame and frame.f_globals.get("__name__") not in ("__main__", "__mp_main__"):
        frame = frame.f_back
    return frame and frame.f_lineno


def state(task, word, on=None, held_by=None):
    """How a task is: created, ready, running, waiting, sleeping, stopped, zombie, done or failed."""
    keys = {"on": on, "held_by": held_by}
    event("task.state", task=task, state=word, **{key: text for key, text in keys.items() if text is not None})


def value(name, number):
    """Shows a number or a text."""
    event("value", name=name, value=number)


def fact(id, claim, expected, observed, holds=None):
    """A claim of the lesson beside what this run showed. It holds if they are equal, unless you say what holds."""
    event("fact", id=id, claim=claim, expected=expected, observed=observed,
          holds=expected == observed if holds is None else bool(holds))


def gpio(line, level):
    """Asks for a level, 0 or 1, on an output line of the board."""
    event("gpio", line=line, value=level)


def notice(text):
    """Shows a sentence about something that went wrong."""
    event("notice", text=text)


def refuse(do, target, why):
    """Says why an action cannot be done now, and what would be accepted."""
    event("action.refused", do=do, target=target, text=str(why))


def _after_fork():
    """Another thread of the parent's may have held the lock, and does not exist in the child."""
    global _lock
    _lock = threading.Lock()


os.register_at_fork(after_in_child=_after_fork)
