"""threading's Thread and Timer: a lane for each that the program's own code makes."""

import os
import sys
from _thread import get_native_id

from . import frames, lanes, things
from .hooks import put, when_imported, wrap
from .lanes import wait_begins, wait_ends
from .lines import flush, tell
from .things import of


class _Known:
    """What is known of a thread: the name of its lane, whether it runs, and how it ended."""

    __slots__ = ("lane", "name", "result", "target")

    def __init__(self, name, target):
        self.lane, self.name, self.result = None, name, "ok"
        self.target = target  # its function and arguments, as long as it lives


def _watch_errors(thread, known):
    """Remembers the error that ends a thread. The hook that each thread has for it is called then."""
    hook = thread._invoke_excepthook

    def invoke_excepthook(thread):
        kind, error, _ = sys.exc_info()
        if kind is not None and kind is not SystemExit:
            known.result = f"{kind.__name__}: {_text(error)}"
        return hook(thread)

    thread._invoke_excepthook = invoke_excepthook


def _text(error):
    try:
        return str(error)
    except Exception:
        return "?"


def _rename(Thread):
    """thread.name = "x": the lane has this name from then on."""
    name = Thread.name

    def set_name(self, value):
        name.fset(self, value)
        known = of(self)
        if known is None or known.name == self._name:
            return
        if known.lane is not None:
            lanes.rename(known.lane, self._name, self.native_id)
            known.name = known.lane.name
        else:
            tell("task.finished", task=known.name, result=f"renamed to {self._name}")
            known.name = lanes.unique(self._name)
            tell("task.started", task=known.name, sort="thread", pid=os.getpid(), line=frames.script_line())
        flush()

    put(Thread, "name", property(name.fget, set_name, name.fdel, name.__doc__))


@when_imported("threading")
def _threading(threading):
    Thread = threading.Thread

    @wrap(Thread, "__init__")
    def _(original):
        def __init__(self, *arguments, **names):
            original(self, *arguments, **names)
            if frames.caller(frames.outside(), self) or lanes.known() == lanes.YOU:
                known = self._tasklab = _Known(lanes.unique(self._name), self._target and (self._target, self._args, self._kwargs))
                _watch_errors(self, known)
                tell("task.started", task=known.name, sort="thread", pid=os.getpid(), line=frames.script_line())
                flush()

        return __init__

    # The first and the last thing that a thread does besides its work. The frames of these two are not below those of the program.
    @wrap(Thread, "_set_native_id")
    def _(original):
        def _set_native_id(self):
            original(self)
            known = of(self)
            if known is not None and known.lane is None and self._native_id == get_native_id():
                known.lane = lanes.begin(known.name)
                if (steps := lanes.steps) is not None:
                    known.lane.will_end = True
                    steps.moves(known.lane)  # It comes to its first gate before anybody passes one.
                lanes.name_thread(self._name)  # Python does so itself since 3.14.

        return _set_native_id

    @wrap(Thread, "_delete")
    def _(original):
        def _delete(self):
            known = of(self)
            if known is not None:
                known.target = None
                lanes.end(known.result)
            original(self)

        return _delete

    @wrap(Thread, "join")
    def _(original):
        def join(self, timeout=None):
            if not frames.is_own(sys._getframe(1)) or not self._started.is_set():
                return original(self, timeout)
            known = of(self)
            name = known.name if known else self._name
            if (steps := lanes.steps) is not None:
                steps.gate(f"join {name}")
            if not self.is_alive():
                return original(self, timeout)
            wait = wait_begins("join()", name)
            try:
                return original(self, timeout)
            finally:
                wait_ends(wait, None if self.is_alive() else name)

        return join

    @wrap(threading.Timer, "__init__")
    def _(original):
        def __init__(self, *arguments, **names):
            original(self, *arguments, **names)
            things.made("timer", self)

        return __init__

    _rename(Thread)
