"""threading's Condition, and what is made with one: Semaphore, Event and Barrier. Their methods stand around the original ones, and do
something only for what the program's own code has made."""

import sys
from _functools import partial

from . import frames, lanes, locks, things
from .hooks import when_imported, wrap
from .lanes import current, operate, operation, write
from .things import of

_DONE = {"__enter__": "acquire"}  # a method: what it does


def _condition(threading):
    @wrap(threading.Condition, "__init__")
    def _(original):
        def __init__(self, lock=None):
            thing = things.made("condition", self)
            if thing and lock is None:
                lock = locks.reentrant(threading, things.Thing(f"lock {thing.on.partition(' ')[2]}"))
            locks.is_of_condition(lock)
            original(self, lock)
            if thing:
                self._tasklab = thing

        return __init__

    @wrap(threading.Condition, "wait")
    def _(original):
        def wait(self, timeout=None):
            thing = of(self)
            if thing is None:
                return original(self, timeout)
            if thing.is_inner:
                return things.wait_on(self, thing, original, timeout)
            return operate("wait", thing.on, things.wait_on, self, thing, original, timeout)

        return wait

    @wrap(threading.Condition, "notify")
    def _(original):
        def notify(self, n=1):
            thing = of(self)
            if thing is None:
                return original(self, n)
            # Without the lock it is an error. With it, nobody else changes the queue.
            if self._is_owned():
                things.notify(thing, n)
            is_part = thing.is_inner or sys._getframe(1).f_code is notify_all  # which tells it
            return original(self, n) if is_part else operate("notify", thing.on, original, self, n)

        return notify

    notify_all = threading.Condition.notify_all.__code__

    @wrap(threading.Condition, "notify_all")
    def _(original):
        def notify_all(self):
            thing = of(self)
            if thing is None or thing.is_inner:
                return original(self)
            return operate("notify_all", thing.on, original, self)

        return notify_all


def _inner(self, condition, kind):
    """Has the waits on a thing's inner condition told as waits on the thing, if the program has made it."""
    thing = things.made(kind, self)
    if thing:
        self._tasklab = thing
        things.attach(condition, thing.on)


def _method(cls, name, then=None):
    """Tells of an operation: by `then`, which gets the thing and what the method gave."""

    @wrap(cls, name)
    def _(original):
        def method(self, *arguments, **names):
            thing = of(self)
            if thing is None:
                return original(self, *arguments, **names)
            if then is None:
                return operate(name, thing.on, partial(original, self, *arguments, **names))
            try:
                if (steps := lanes.steps) is None:
                    result = original(self, *arguments, **names)
                else:
                    result = steps.operated(_DONE.get(name, name), thing.on, partial(original, self, *arguments, **names))
            except Exception as error:
                operation(name, thing.on, type(error).__name__)
                raise
            then(thing, result)
            return result

        return method


def _semaphore(threading):
    @wrap(threading.Semaphore, "__init__")
    def _(original):
        def __init__(self, value=1):
            original(self, value)
            _inner(self, self._cond, "semaphore")

        return __init__

    def hold(thing, got, is_inside=False):
        lane = current()
        if not got:
            operation("acquire", thing.on, False)
            return
        lane.hold(thing)
        (thing.inside if is_inside else thing.holders).append(lane)
        tell_what_runs(lane)

    def let_go(thing, _):
        lane = current()
        # A semaphore has no owner: who releases it need not be who acquired it. Who is in a `with`, or sleeps, keeps its place then. Who has
        # called acquire() may have left it to others.
        places = thing.inside if lane in thing.inside else thing.holders
        holder = lane if lane in places else next((one for one in places if one.wait is None or one.wait.word != "sleeping"), None)
        if holder is not None:
            places.remove(holder)
            holder.let_go(thing)
        tell_what_runs(lane)
        if holder is not None and holder is not lane and holder.wait is None and lanes.is_alive(holder):
            holder.runs()

    def tell_what_runs(lane):
        if lane.tells():
            lane.runs(None, frames.script_line())
            write(lane)

    _method(threading.Semaphore, "acquire", hold)
    _method(threading.Semaphore, "__enter__", partial(hold, is_inside=True))
    _method(threading.Semaphore, "release", let_go)
    _method(threading.BoundedSemaphore, "release", let_go)


def _event(threading):
    @wrap(threading.Event, "__init__")
    def _(original):
        def __init__(self):
            original(self)
            _inner(self, self._cond, "event")

        return __init__

    _method(threading.Event, "set")
    _method(threading.Event, "clear")
    _method(threading.Event, "wait")


def _barrier(threading):
    @wrap(threading.Barrier, "__init__")
    def _(original):
        def __init__(self, parties, action=None, timeout=None):
            original(self, parties, action, timeout)
            _inner(self, self._cond, "barrier")

        return __init__

    for name in ("wait", "reset", "abort"):
        _method(threading.Barrier, name)


@when_imported("threading")
def _threading(threading):
    _condition(threading)
    _semaphore(threading)
    _event(threading)
    _barrier(threading)
