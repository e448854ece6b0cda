"""threading's Thread and Timer: a lane for each that the program's own code makes."""

import os
import sys
from _collections import deque
from _thread import get_native_id
from _weakref import ref

from . import frames, lanes, things
from .hooks import put, when_imported, wrap
from .lanes import operate, wait_begins, wait_ends
from .listener import when_looking
from .lines import first_of, flush, tell
from .things import of


class _Known:
    """What is known of a thread: the name of its lane, where it was made, whether it runs, and how it ended."""

    __slots__ = ("lane", "name", "line", "timer", "on", "is_seen", "result", "target")

    def __init__(self, target, line):
        self.lane = self.name = self.timer = self.on = None
        self.is_seen = False
        self.result = "ok"
        self.target, self.line = target, line  # its function and arguments, as long as it lives


_made = deque(maxlen=1000)  # threads that are not told of: until they start, the program may give them other names


def _tell_made(thread):
    """Tells that a thread has been made, if that is not told."""
    known = of(thread)
    if known.name is None:
        known.name = lanes.unique(known.timer or thread._name)
        tell("task.started", task=known.name, sort="thread", pid=os.getpid(), line=known.line)


def _begins(thread, known):
    """The calling thread is this one, and begins."""
    _tell_made(thread)
    known.lane = lanes.begin(known.name)
    if (steps := lanes.steps) is not None:
        known.lane.will_end = True
        steps.moves(known.lane)  # It comes to its first gate before anybody passes one.
    lanes.name_thread(thread._name)  # Python does so itself since 3.14.


@when_looking
def _tell_of_new():
    """Tells of threads that were made before the last look and have not started."""
    for thread in [_made.popleft() for _ in range(len(_made))]:
        thread = thread()
        if thread is not None and of(thread).name is None:
            if of(thread).is_seen:
                _tell_made(thread)
            else:
                of(thread).is_seen = True
                _made.append(ref(thread))


def _watch_errors(thread, known):
    """Remembers the error that ends a thread. The hook that each thread has for it is called then."""
    hook = thread._invoke_excepthook

    def invoke_excepthook(thread):
        kind, error, _ = sys.exc_info()
        if kind is not None and kind is not SystemExit:
            known.result = first_of(f"{kind.__name__}: {_text(error)}")
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
        known.timer = None
        if known.name is None:
            return  # Nothing is told of it yet.
        if known.lane is not None:
            lanes.rename(known.lane, self._name, self.native_id)
            known.name = known.lane.name
        else:
            tell("task.finished", task=known.name, result=f"renamed to {self._name}")
            lanes.is_over(known.name)
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
            if frames.caller(frames.outside(), self) or lanes.known() == lanes.YOU and not isinstance(self, threading._DummyThread):
                known = self._tasklab = _Known(self._target and (self._target, self._args, self._kwargs), frames.script_line())
                _watch_errors(self, known)
                _made.append(ref(self))

        return __init__

    # The first and the last thing that a thread does besides its work. The frames of these two are not below those of the program.
    @wrap(Thread, "_set_native_id")
    def _(original):
        def _set_native_id(self):
            original(self)
            known = of(self)
            if known is not None and known.lane is None and self._native_id == get_native_id():
                try:
                    _begins(self, known)
                except Exception:
                    pass  # Whoever has started it would wait for it for ever.

        return _set_native_id

    @wrap(Thread, "_delete")
    def _(original):
        def _delete(self):
            known = of(self)
            try:
                if known is not None:
                    known.target = None
                    lanes.end(known.result)
            finally:
                original(self)

        return _delete

    @wrap(Thread, "join")
    def _(original):
        def join(self, timeout=None):
            if not frames.is_own(sys._getframe(1)) or not self._started.is_set():
                return original(self, timeout)
            known = of(self)
            name = known and known.name or self._name
            if (steps := lanes.steps) is not None:
                steps.gate(f"join {name}")
            if not self.is_alive():
                return original(self, timeout)
            wait = wait_begins("join()", name, at_most=timeout)
            try:
                return original(self, timeout)
            finally:
                wait_ends(wait, None if self.is_alive() else name)

        return join

    @wrap(threading.Timer, "__init__")
    def _(original):
        def __init__(self, *arguments, **names):
            original(self, *arguments, **names)
            thing, known = things.made("timer", self), of(self)
            if thing and known:
                known.on, known.timer = thing.on, thing.on.partition(" ")[2]
                things.attach(self.finished._cond, known.on, "sleeping")

        return __init__

    @wrap(threading.Timer, "cancel")
    def _(original):
        def cancel(self):
            known = of(self)
            if known is None or not known.on:
                return original(self)
            # It is not cancelled once it has called its function.
            if not self.finished.is_set() and (known.lane is None or known.lane.wait is not None):
                known.result = "cancelled"
            if not things.is_asked(sys._getframe(1)):
                return original(self)
            return operate("cancel", known.on, original, self)

        return cancel

    _rename(Thread)
