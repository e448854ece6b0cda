"""The queues of the module queue."""

from _functools import partial

from . import lanes, things
from .hooks import replace, when_imported, wrap
from .lanes import operate, operation, wait_begins, wait_ends
from .things import of


class _SimpleQueue:
    """queue.SimpleQueue around the real one, which is made in C."""

    __slots__ = ("_real", "_thing", "__weakref__")

    def __init__(self, real, thing):
        self._real, self._thing = real, thing.of(self)

    def put(self, item, block=True, timeout=None):
        if (steps := lanes.steps) is None:
            self._real.put(item, block, timeout)
        else:
            steps.operated("put", self._thing.on, self._real.put, item, block, timeout)
            for wait in tuple(self._thing.waiters)[:1]:
                steps.moves(wait.lane)
        operation("put", self._thing.on, item)

    def put_nowait(self, item):
        self.put(item, False)

    def get(self, block=True, timeout=None):
        return operate("get", self._thing.on, self._get, block, timeout)

    def _get(self, block, timeout):
        wait = wait_begins(self._thing.on, at_most=timeout) if block and self._real.empty() else None
        try:
            if wait:
                self._thing.waiters.append(wait)
            return self._real.get(block, timeout)
        finally:
            if wait:
                self._thing.waiters.remove(wait)
                wait_ends(wait)

    def get_nowait(self):
        return self.get(False)

    def __getattr__(self, name):
        return getattr(self._real, name)

    @property
    def __class__(self):
        return type(self._real)

    def __repr__(self):
        return repr(self._real)

    def __reduce_ex__(self, protocol):
        return self._real.__reduce_ex__(protocol)


def _simple_queue(queue):
    real = queue.SimpleQueue

    class Maker(type):
        def __call__(cls, *arguments, **names):
            made = real(*arguments, **names)
            thing = things.made("queue")
            return type.__call__(cls, made, thing) if thing else made

        def __instancecheck__(cls, value):
            return isinstance(value, real)

        def __subclasscheck__(cls, other):
            return issubclass(other, real)

        def __getattr__(cls, name):
            return getattr(real, name)

    class SimpleQueue(_SimpleQueue, metaclass=Maker):
        __slots__ = ()
        __class_getitem__ = real.__class_getitem__

    SimpleQueue.__module__, SimpleQueue.__qualname__, SimpleQueue.__doc__ = real.__module__, real.__qualname__, real.__doc__
    replace(queue, "SimpleQueue", SimpleQueue)


@when_imported("queue")
def _queue(queue):
    Queue = queue.Queue

    @wrap(Queue, "__init__")
    def _(original):
        def __init__(self, maxsize=0):
            original(self, maxsize)
            thing = things.made("queue", self)
            if thing:
                self._tasklab = thing
                for condition in (self.not_empty, self.not_full, self.all_tasks_done):
                    things.attach(condition, thing.on)

        return __init__

    def moves(name):
        @wrap(Queue, name)
        def _(original):
            def method(self, *arguments, **names):
                thing = of(self)
                if thing is None:
                    return original(self, *arguments, **names)
                if name != "put":
                    return operate(name, thing.on, partial(original, self, *arguments, **names))
                try:
                    if (steps := lanes.steps) is None:
                        original(self, *arguments, **names)
                    else:
                        steps.operated(name, thing.on, partial(original, self, *arguments, **names))
                except Exception as error:
                    operation(name, thing.on, type(error).__name__)
                    raise
                operation(name, thing.on, arguments[0] if arguments else names["item"])

            return method

    for name in ("put", "get", "task_done", "join"):
        moves(name)
    _simple_queue(queue)
