"""multiprocessing: a lane for each process, and for its locks, queues, pipes and pools who waits."""

import mmap
import sys
from _functools import partial
from _weakref import ref

from . import lanes, processes, things
from .frames import is_own, script_line
from .hooks import when_imported, wrap
from .lanes import current, operate, operation, wait_begins, wait_ends, write
from .things import of

HOLDER, RELEASED_BY = range(2)
LONGEST = 256  # bytes of a name

_here = {}  # the identity of a thing of this process, and of those that are forked from it: its name
_made = {}  # the name of a semaphore in the kernel: what the program calls the thing; children that are spawned get it


class _Shared:
    """Who has a lock and who let it go last, for all processes that are forked from here."""

    def __init__(self):
        self._page = mmap.mmap(-1, 2 * LONGEST)

    def write(self, place, name):
        text = name.encode()[:LONGEST].ljust(LONGEST, b"\0")
        self._page[place * LONGEST : (place + 1) * LONGEST] = text

    def read(self, place):
        text = self._page[place * LONGEST : (place + 1) * LONGEST].rstrip(b"\0")
        return text.decode(errors="replace") or None


class _Semaphore:
    """The kernel's semaphore below a lock, a semaphore or a condition. A lock has a holder."""

    __slots__ = ("_real", "_thing", "_shared", "__weakref__")

    def __init__(self, real, thing, has_holder):
        self._real, self._thing = real, thing
        self._shared = _Shared() if has_holder else None

    def acquire(self, block=True, timeout=None):
        if self._real.acquire(False):
            self._acquired()
            return True
        if not block:
            operation("acquire", self._thing.on, False)
            return False
        wait = wait_begins(self._thing.on, self._shared and self._shared.read(HOLDER), at_most=timeout)
        got = False
        try:
            got = self._real.acquire(block, timeout)
        finally:
            woken_by = None
            if got:
                wait.lane.hold(self._thing)
                if self._shared:
                    woken_by = self._shared.read(RELEASED_BY)
                    self._shared.write(HOLDER, wait.lane.name)
            wait_ends(wait, woken_by)
        if not got:
            operation("acquire", self._thing.on, False)
        return got

    def _acquired(self):
        lane = current()
        is_again = self._thing in lane.holds
        lane.hold(self._thing)
        if self._shared:
            self._shared.write(HOLDER, lane.name)
        if lane.tells() and not is_again:
            lane.runs(None, script_line())
            write(lane)

    def release(self):
        lane = current()
        if self._shared and lane.holds.count(self._thing) == 1:
            self._shared.write(RELEASED_BY, lane.name)
            self._shared.write(HOLDER, "")
        self._real.release()
        lane.let_go(self._thing)
        if lane.tells() and lane.wait is None:
            lane.runs(None, script_line())
            write(lane)

    def __enter__(self):
        return self.acquire()

    def __exit__(self, *error):
        self.release()

    def __getattr__(self, name):
        return getattr(self._real, name)


@when_imported("multiprocessing.process")
def _process(process):
    BaseProcess = process.BaseProcess

    @wrap(BaseProcess, "start")
    def _(original):
        def start(self):
            if self._popen is None:
                self._tasklab = lanes.unique_process(self._name)
            original(self)
            processes.named(self._popen.pid, self._tasklab)

        return start

    @wrap(BaseProcess, "_bootstrap")
    def _(original):
        def _bootstrap(self, *arguments, **names):
            lanes.begin_process(self.__dict__.get("_tasklab") or self._name)
            code = original(self, *arguments, **names)
            lanes.end("ok" if code == 0 else f"exit {code}")
            return code

        return _bootstrap

    @wrap(BaseProcess, "join")
    def _(original):
        def join(self, timeout=None):
            if not is_own(sys._getframe(1)) or self._popen is None:
                return original(self, timeout)
            name = of(self) or self._name
            wait = wait_begins("join()", name, at_most=timeout)
            try:
                return original(self, timeout)
            finally:
                wait_ends(wait, name if self._popen is not None and self._popen.returncode is not None else None)

        return join


def _semaphore_of(thing):
    """The name in the kernel of a semaphore that is a part of the thing; None where it has none, since all processes are forked."""
    for path in (("_rlock",), ("_flag",), ("_sleeping_count",), ("_cond", "_sleeping_count"), ()):
        part = thing
        for name in path:
            part = getattr(part, name, None)
        semaphore = getattr(part, "_semlock", None)
        if semaphore is not None:
            return semaphore.name
    return None


def _remember(thing, known):
    """Remembers what the program calls a thing. The thing itself must not have an attribute more, since it is pickled."""
    name = _semaphore_of(thing)
    if name is not None:
        _made[name] = known.on
    place = id(thing)
    _here[place] = known.on, ref(thing, lambda _: _here.pop(place, None))


def _known(thing):
    """What is known of a thing of multiprocessing; None if the program has not made it itself."""
    on = _here[id(thing)][0] if id(thing) in _here else _made.get(_semaphore_of(thing))
    return on and things.Thing(on)


def _popen(module):
    @wrap(module.Popen, "poll")
    def _(original):
        def poll(self, *arguments, **names):
            was = self.returncode
            code = original(self, *arguments, **names)
            if was is None and code is not None:
                processes.ended(self.pid, code)
            return code

        return poll


when_imported("multiprocessing.popen_fork")(_popen)
when_imported("multiprocessing.popen_forkserver")(_popen)


@when_imported("multiprocessing.synchronize")
def _synchronize(synchronize):
    kinds = {"Lock": "lock", "RLock": "lock", "Semaphore": "semaphore", "BoundedSemaphore": "semaphore"}

    @wrap(synchronize.SemLock, "__init__")
    def _(original):
        def __init__(self, *arguments, **names):
            original(self, *arguments, **names)
            kind = kinds.get(next((cls.__name__ for cls in type(self).__mro__ if cls.__name__ in kinds), None))
            thing = kind and things.made(kind, self)
            if thing:
                if self._semlock.name is not None:
                    _made[self._semlock.name] = thing.on
                _observe(self, thing, kind == "lock")

        return __init__

    @wrap(synchronize.SemLock, "__setstate__")
    def _(original):
        def __setstate__(self, state):
            original(self, state)
            on = _made.get(self._semlock.name)
            # A semaphore of an event, a condition or a barrier has the name of that; what it does is no operation of the program's.
            if on and on.partition(" ")[0] in kinds.values():
                _observe(self, things.Thing(on), False)

        return __setstate__

    def _observe(lock, thing, has_holder):
        lock._semlock = _Semaphore(lock._semlock, thing, has_holder)
        lock._make_methods()

    def waits(cls, kind):
        @wrap(cls, "__init__")
        def _(original):
            def __init__(self, *arguments, **names):
                original(self, *arguments, **names)
                thing = things.made(kind, self)
                if thing:
                    _remember(self, thing)

            return __init__

        @wrap(cls, "wait")
        def _(original):
            def wait(self, timeout=None):
                thing = _known(self)
                if thing is None or not thing.on.startswith(kind):  # a condition is a part of a barrier
                    return original(self, timeout)
                told = wait_begins(thing.on, at_most=timeout)
                try:
                    return original(self, timeout)
                finally:
                    wait_ends(told)

            return wait

    waits(synchronize.Condition, "condition")
    waits(synchronize.Event, "event")
    waits(synchronize.Barrier, "barrier")


@when_imported("multiprocessing.queues")
def _queues(queues):
    def puts(cls):
        @wrap(cls, "put")
        def _(original):
            def put(self, *arguments, **names):
                thing = _known(self)
                if thing is None:
                    return original(self, *arguments, **names)
                told = wait_begins(thing.on) if _is_full(self) and arguments[1:2] != (False,) and names.get("block", True) else None
                try:
                    original(self, *arguments, **names)
                except Exception as error:
                    operation("put", thing.on, type(error).__name__)
                    raise
                finally:
                    if told:
                        wait_ends(told)
                operation("put", thing.on, arguments[0] if arguments else names.get("obj"))

            return put

    for cls in (queues.Queue, queues.SimpleQueue):

        @wrap(cls, "__init__")
        def _(original):
            def __init__(self, *arguments, **names):
                original(self, *arguments, **names)
                thing = things.made("queue", self)
                if thing:
                    _remember(self, thing)

            return __init__

        @wrap(cls, "get")
        def _(original):
            def get(self, *arguments, **names):
                thing = _known(self)
                if thing is None:
                    return original(self, *arguments, **names)
                told = wait_begins(thing.on) if _is_empty(self) else None
                try:
                    return operate("get", thing.on, partial(original, self, *arguments, **names))
                finally:
                    if told:
                        wait_ends(told)

            return get

    for cls in (queues.Queue, queues.SimpleQueue, queues.JoinableQueue):
        puts(cls)

    @wrap(queues.JoinableQueue, "task_done")
    def _(original):
        def task_done(self):
            thing = _known(self)
            return original(self) if thing is None else operate("task_done", thing.on, original, self)

        return task_done

    @wrap(queues.JoinableQueue, "join")
    def _(original):
        def join(self):
            thing = _known(self)
            if thing is None:
                return original(self)
            told = None if self._unfinished_tasks._semlock._is_zero() else wait_begins(thing.on)
            try:
                return operate("join", thing.on, original, self)
            finally:
                if told:
                    wait_ends(told)

        return join


def _is_full(queue):
    """Whether put() has to wait for room."""
    room = getattr(queue, "_sem", None)
    return room is not None and room._semlock._is_zero()


def _is_empty(queue):
    try:
        return queue.empty()
    except (OSError, ValueError):
        return False  # It is closed: get() says so.


@when_imported("multiprocessing.connection")
def _connection(connection):
    for name in ("recv", "recv_bytes"):

        @wrap(connection._ConnectionBase, name)
        def _(original):
            def recv(self, *arguments, **names):
                if not is_own(sys._getframe(1)) or self._handle is None or not self._readable:
                    return original(self, *arguments, **names)
                told = wait_begins("a pipe")
                try:
                    return original(self, *arguments, **names)
                finally:
                    wait_ends(told)

            return recv


@when_imported("multiprocessing.pool")
def _pool(pool):
    @wrap(pool.ApplyResult, "__init__")
    def _(original):
        def __init__(self, *arguments, **names):
            original(self, *arguments, **names)
            things.attach(self._event._cond, "the pool's result")

        return __init__

    @wrap(pool.IMapIterator, "__init__")
    def _(original):
        def __init__(self, *arguments, **names):
            original(self, *arguments, **names)
            things.attach(self._cond, "the pool's result")

        return __init__


@when_imported("multiprocessing.spawn")
def _spawn(spawn):
    @wrap(spawn, "get_preparation_data")
    def _(original):
        def get_preparation_data(name):
            data = original(name)
            data["tasklab_names"] = dict(_made)
            return data

        return get_preparation_data

    @wrap(spawn, "prepare")
    def _(original):
        def prepare(data):
            _made.update(data.get("tasklab_names", {}))
            return original(data)

        return prepare
