"""The queues of the module queue."""

import sys

from . import things
from .code import is_own
from .hooks import put, when_imported, wrap
from .lanes import operation, wait_begins, wait_ends
from .things import of


class _SimpleQueue:
    """queue.SimpleQueue around the real one, which is made in C. It knows who put each item."""

    __slots__ = ("_real", "_thing", "__weakref__")

    def __init__(self, real, thing):
        self._real, self._thing = real, thing

    def put(self, item, block=True, timeout=None):
        self._real.put(item, block, timeout)
        operation("put", self._thing.on, item)

    def put_nowait(self, item):
        self.put(item, False)

    def get(self, block=True, timeout=None):
        wait = wait_begins(self._thing.on) if block and self._real.empty() else None
        try:
            item = self._real.get(block, timeout)
        except Exception as error:
            _over(wait)
            operation("get", self._thing.on, type(error).__name__)
            raise
        except BaseException:
            _over(wait)
            raise
        _over(wait)
        operation("get", self._thing.on, item)
        return item

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


def _over(wait):
    if wait:
        wait_ends(wait)


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
    put(queue, "SimpleQueue", SimpleQueue)


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
                    condition._tasklab = things.Thing(thing.on)

        return __init__

    def moves(name, item):
        @wrap(Queue, name)
        def _(original):
            def method(self, *arguments, **names):
                thing = of(self)
                # get_nowait() comes here by get().
                if thing is None or sys._getframe(1).f_globals is vars(queue) and not is_own(sys._getframe(1)):
                    return original(self, *arguments, **names)
                try:
                    result = original(self, *arguments, **names)
                except Exception as error:
                    operation(name, thing.on, type(error).__name__)
                    raise
                operation(name, thing.on, item(result, arguments, names))
                return result

            return method

    moves("put", lambda result, arguments, names: arguments[0] if arguments else names.get("item"))
    moves("put_nowait", lambda result, arguments, names: arguments[0] if arguments else names.get("item"))
    moves("get", lambda result, arguments, names: result)
    moves("get_nowait", lambda result, arguments, names: result)
    moves("task_done", lambda result, arguments, names: None)
    moves("join", lambda result, arguments, names: None)
    _simple_queue(queue)
