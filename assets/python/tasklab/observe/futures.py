"""concurrent.futures: a lane for each future, and for the threads of a pool."""

import os
import sys
from _functools import partial
from _weakref import ref

from . import frames, lanes, listener, things
from .hooks import when_imported, wrap
from .lanes import current, wait_begins, wait_ends
from .lines import first_of, flush, tell
from .things import of

_working = lanes._local()  # of the calling thread: its lane, while it runs a future
_submitting = lanes._local()  # of the calling thread: the name of the future that it makes


@when_imported("concurrent.futures._base")
def _base(base):
    Future = base.Future

    @wrap(Future, "__init__")
    def _(original):
        def __init__(self):
            original(self)
            name = getattr(_submitting, "name", None)
            if name:
                _submitting.name = None
                self._tasklab = name
                things.attach(self._condition, f"result of {name}")
                tell("task.started", task=name, sort="future", pid=os.getpid(), line=frames.script_line())
                tell("task.state", task=name, state="waiting", on="the pool's queue")
                if not _submitting.is_part:  # The results of map() are wanted all.
                    listener.cancels[f"future {name}"] = partial(_cancel, ref(self))

        return __init__

    @wrap(Future, "set_running_or_notify_cancel")
    def _(original):
        def set_running_or_notify_cancel(self):
            runs = original(self)
            name = of(self)
            if name and runs:
                tell("task.state", task=name, state="running", on=lanes.known())
            return runs

        return set_running_or_notify_cancel

    def ends(method, result):
        @wrap(Future, method)
        def _(original):
            def end(self, *arguments):
                name = of(self)
                if name and not self.done():
                    listener.cancels.pop(f"future {name}", None)
                    # Before it is so, and not written: who waits for the result should find the worker idle as soon as without us.
                    tell("task.finished", task=name, result=first_of(result(*arguments)))
                    _idle()
                return original(self, *arguments)

            return end

    ends("set_result", lambda result: "ok")
    ends("set_exception", lambda error: "ok" if error is None else f"{type(error).__name__}: {error}")

    @wrap(Future, "cancel")
    def _(original):
        def cancel(self):
            name, was_done = of(self), self.done()
            is_cancelled = original(self)
            if name and is_cancelled and not was_done:
                listener.cancels.pop(f"future {name}", None)
                tell("task.finished", task=name, result="cancelled")
                flush()
            return is_cancelled

        return cancel

    # Those who wait for several futures do so on an event.
    @wrap(base._Waiter, "__init__")
    def _(original):
        def __init__(self):
            original(self)
            if any(frames.is_own(frame) for frame in _callers(sys._getframe(1), 4)):
                things.attach(self.event._cond, "futures")

        return __init__


def _cancel(future):
    """A person cancels a future. Gives why not, if it no longer waits."""
    future = future()
    return None if future is not None and future.cancel() else "it runs, or is done"


def _idle():
    """The calling thread of a pool waits for the next future."""
    lane = getattr(_working, "lane", None)
    if lane is not None:
        _working.lane = None
        lane.state("waiting", "the pool's queue")


def _callers(frame, most):
    while frame is not None and most:
        yield frame
        frame, most = frame.f_back, most - 1


def _pool(cls):
    @wrap(cls, "__init__")
    def _(original):
        def __init__(self, *arguments, **names):
            thing = things.made("pool", self)
            if thing:
                self._tasklab = thing
            original(self, *arguments, **names)

        return __init__

    mapping = sys.modules["concurrent.futures._base"].Executor.map.__code__

    @wrap(cls, "submit")
    def _(original):
        def submit(self, fn, /, *arguments, **names):
            if of(self) is None:
                return original(self, fn, *arguments, **names)
            _submitting.name = lanes.numbered(_name(fn))
            _submitting.is_part = sys._getframe(1).f_code is mapping
            try:
                return original(self, fn, *arguments, **names)
            finally:
                _submitting.name = None

        return submit


    @wrap(cls, "shutdown")
    def _(original):
        def shutdown(self, wait=True, *arguments, **names):
            if of(self) is None or not wait:
                return original(self, wait, *arguments, **names)
            told = wait_begins("shutdown()")
            try:
                return original(self, wait, *arguments, **names)
            finally:
                wait_ends(told)

        return shutdown


def _name(function):
    """The name of a function, also of one with arguments bound to it."""
    function = getattr(function, "func", function)
    return getattr(function, "__name__", None) or type(function).__name__


@when_imported("concurrent.futures.thread")
def _threads(thread):
    _pool(thread.ThreadPoolExecutor)

    @wrap(thread._WorkItem, "run")
    def _(original):
        def run(self, *arguments):
            name = of(self.future)
            if name is None:
                return original(self, *arguments)
            lane = _working.lane = current()
            lane.state("running", name)
            flush()
            if (steps := lanes.steps) is not None:
                steps.moves(lane)
                lane.will_end = True  # those who wait for the future go on before this one rests
            try:
                original(self, *arguments)
            finally:
                if steps is not None:
                    lane.will_end = False
                    steps.settled(lane)
            if _working.lane is not None:  # The future was cancelled.
                _idle()
                flush()

        return run


@when_imported("concurrent.futures.process")
def _processes(process):
    _pool(process.ProcessPoolExecutor)

