"""sched: a lane for each event of a scheduler that the program's own code makes."""

import os
import sys
from _functools import partial

from . import frames, lanes, listener, things
from .hooks import put, when_imported, wrap
from .lanes import operation
from .lines import flush, tell
from .things import of

_running = lanes._local()  # of the calling thread: the lanes of the events whose actions run, one for each scheduler


class _Turn:
    """The lock of a scheduler, which run() takes before it looks for the next event: then the one before is over."""

    def __init__(self, lock):
        self._lock = lock

    def __enter__(self):
        got = self._lock.__enter__()
        _over()
        return got

    def __exit__(self, *error):
        return self._lock.__exit__(*error)

    def __getattr__(self, name):
        return getattr(self._lock, name)


class _Heap:
    """The module heapq, as sched uses it: an event that is taken out of the heap runs next."""

    def __init__(self, heapq, names):
        self._heapq, self._names = heapq, names

    def heappop(self, heap):
        event = self._heapq.heappop(heap)
        # The property `queue` empties a copy; run() empties the scheduler's own.
        name = self._names.get(id(event)) if sys._getframe(1).f_code.co_name == "run" else None
        if name is not None:
            _running.names = [*getattr(_running, "names", ()), name]
            listener.cancels.pop(f"event {name}", None)
            tell("task.state", task=name, state="running", on=lanes.current().name)
            flush()
        return event

    def __getattr__(self, name):
        return getattr(self._heapq, name)


def _over(result="ok"):
    names = getattr(_running, "names", None)
    if names:
        tell("task.finished", task=names.pop(), result=result)
        flush()


@when_imported("sched")
def _sched(sched):
    scheduler = sched.scheduler
    enter = scheduler.enter.__code__
    names = {}  # the identity of an event: its lane's name; as long as the event is in a queue

    @wrap(scheduler, "__init__")
    def _(original):
        def __init__(self, *arguments, **keys):
            original(self, *arguments, **keys)
            thing = things.made("scheduler", self)
            if thing:
                self._tasklab = thing
                self._lock = _Turn(self._lock)

        return __init__

    @wrap(scheduler, "enterabs")
    def _(original):
        def enterabs(self, time, priority, action, *arguments, **keys):
            thing = of(self)
            if thing is None:
                return original(self, time, priority, action, *arguments, **keys)
            event = original(self, time, priority, action, *arguments, **keys)
            name = names[id(event)] = lanes.again(getattr(action, "__name__", "event"))
            tell("task.started", task=name, sort="event", pid=os.getpid(), line=frames.script_line())
            listener.cancels[f"event {name}"] = partial(self.cancel, event)
            operation("enter" if sys._getframe(1).f_code is enter else "enterabs", thing.on, name)
            flush()
            return event

        return enterabs

    @wrap(scheduler, "cancel")
    def _(original):
        def cancel(self, event):
            thing = of(self)
            if thing is None:
                return original(self, event)
            name = names.get(id(event), "event")
            try:
                original(self, event)
            except ValueError as error:
                operation("cancel", thing.on, type(error).__name__)
                raise
            names.pop(id(event), None)
            listener.cancels.pop(f"event {name}", None)
            operation("cancel", thing.on, name)
            tell("task.finished", task=name, result="cancelled")
            flush()

        return cancel

    @wrap(scheduler, "run")
    def _(original):
        def run(self, blocking=True):
            if of(self) is None:
                return original(self, blocking)
            before = len(getattr(_running, "names", ()))
            try:
                return original(self, blocking)
            except BaseException as error:
                while len(getattr(_running, "names", ())) > before:
                    _over(type(error).__name__)
                raise

        return run

    put(sched, "heapq", _Heap(sched.heapq, names))
