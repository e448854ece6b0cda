"""asyncio: a lane for each task whose coroutine is the program's own, or that the program makes of the library's, with what it awaits and
who let it go on."""

import os
import sys
from _thread import _local, allocate_lock
from _weakref import ref

from . import lanes, listener, things
from .frames import is_ours, is_own, script_line
from .hooks import when_imported, wrap
from .lines import first_of, flush, tell
from .things import of

_here = _local()  # of the calling thread: the name of the task whose step runs
_names = {}  # the identity of a task that is not done: its lane's name, or the line that made it, as long as it has no lane
_wakers = {}  # the same: the name of the task that let it go on
_waiting = {}  # the same: the task, of which a line told that it waits for a lock
_loops = []  # those that tasks were made in, as weak references
_MODULES = ("asyncio.base_events", "asyncio.tasks", "asyncio.taskgroups")
_MAKERS = ("create_task", "ensure_future", "gather", "wait", "wait_for", "as_completed")  # what of these a program calls to make a task
PATIENCE = 2  # seconds in which a loop comes to what a person asks for


@when_imported("asyncio.events")
def _events(events):
    Handle = events.Handle  # of a callback that the loop is going to call: the steps of tasks are such callbacks

    @wrap(Handle, "__init__")
    def _(original):
        def __init__(self, callback, *arguments, **names):
            original(self, callback, *arguments, **names)
            waker = getattr(_here, "name", None)
            if waker:
                task = id(getattr(callback, "__self__", None))
                if task in _names and _names[task] != waker:  # a task does not wake itself
                    _wakers[task] = waker

        return __init__

    @wrap(Handle, "_run")
    def _(original):
        def _run(self):
            task = getattr(self._callback, "__self__", None)
            if id(task) not in _names:
                return original(self)
            name = _name(task)
            before, _here.name = getattr(_here, "name", None), name
            lane = lanes.current()
            is_told = lane.tells()
            _waiting.pop(id(task), None)
            woken_by = _wakers.pop(id(task), None)
            if is_told:
                tell("task.state", task=name, state="running", on=lane.name, woken_by=woken_by, line=_line(task))
            try:
                return original(self)
            finally:
                _here.name = before
                _after_step(task, name, is_told)

        return _run


def _name(task):
    """The name of a task's lane, which is opened at its first step: until then the program may give it a name. None if it has none."""
    name = _names.get(id(task))
    if type(name) is tuple:
        made_at, name = name[0], lanes.unique(task.get_name())
        _names[id(task)] = name
        tell("task.started", task=name, sort="coroutine", pid=os.getpid(), line=made_at)
    return name


def _line(task):
    """The line of the script at which a task stands."""
    line, step = None, task.get_coro()
    while (frame := getattr(step, "cr_frame", None)) is not None:
        if frame.f_globals.get("__name__") == "__main__":
            line = frame.f_lineno
        step = step.cr_await
    return line


def _after_step(task, name, is_told):
    if task.done():
        _names.pop(id(task), None)
        error = None if task.cancelled() else getattr(task, "_exception", None)
        result = "cancelled" if task.cancelled() else f"{type(error).__name__}: {error}" if error is not None else "ok"
        tell("task.finished", task=name, result=first_of(result))
        lanes.is_over(name)
    elif is_told:
        _tell_wait(task, name)
    flush()


def _tell_wait(task, name):
    word, on, held_by, *at_most = _awaited(task)
    tell("task.state", task=name, state=word, on=on, held_by=held_by, line=_line(task), at_most=at_most[0] if at_most else None)
    if on is not None and on.startswith("lock "):
        _waiting[id(task)] = task


def _first_of_library(task):
    """The coroutine of the library's that the program's own code awaits; None if it awaits none."""
    step = task.get_coro()
    while (frame := getattr(step, "cr_frame", None)) is not None:
        if not is_own(frame) and not is_ours(frame.f_code):
            return step
        step = step.cr_await
    return None


def _awaited(task):
    """What a task awaits: its state, the thing or the function, and the task that it waits for."""
    future = task._fut_waiter
    held_by = _name(future)
    first = _first_of_library(task)
    if first is None:
        word = type(future).__name__.strip("_")
        return "waiting", "await" if held_by else "gather()" if word == "GatheringFuture" else "a future", held_by
    function = first.cr_code.co_qualname
    if function == "sleep":
        delay = first.cr_frame.f_locals.get("delay")
        return "sleeping", None, None, delay if type(delay) in (int, float) else None
    owner = first.cr_frame.f_locals.get("self") if "." in function else None
    thing = owner is not None and hasattr(owner, "__dict__") and of(owner)
    if not isinstance(thing, things.Thing):
        return "waiting", f"{function}()", held_by
    return "waiting", thing.on, held_by or (thing.holders[0] if thing.holders else None)


@when_imported("asyncio.locks")
def _locks(locks):
    @wrap(locks.Lock, "acquire")
    def _(original):
        async def acquire(self):
            got = await original(self)
            if (thing := of(self)) is not None:
                _has(thing, getattr(_here, "name", None))
            return got

        return acquire

    @wrap(locks.Lock, "release")
    def _(original):
        def release(self):
            original(self)
            if (thing := of(self)) is not None:
                thing.holders.clear()

        return release


def _has(thing, name):
    """A task has a lock from now on: those that wait for it do so for this one."""
    thing.holders.clear()
    if name is None:
        return
    thing.holders.append(name)
    lane = lanes.current()
    for task in list(_waiting.values()):
        if _awaited(task)[1] == thing.on and lane.tells():
            _tell_wait(task, _name(task))


@when_imported("asyncio.base_events")
def _base_events(base_events):
    listener.coroutines = sys.modules[__name__]

    @wrap(base_events.BaseEventLoop, "create_task")
    def _(original):
        def create_task(self, coro, *arguments, **names):
            frame = getattr(coro, "cr_frame", None)
            task = original(self, coro, *arguments, **names)
            if frame is not None and (is_own(frame) or _is_program_s(sys._getframe(1))):
                if self not in _known():
                    _loops[:] = [known for known in _loops if known() is not None] + [ref(self)]
                _names[id(task)] = (script_line() or frame.f_lineno,)
                if task.done():  # An eager task may need no step of the loop.
                    tell("task.finished", task=_name(task), result="ok")
                    lanes.is_over(_name(task))
                    del _names[id(task)]
                    flush()
            return task

        return create_task


def _is_program_s(caller):
    """Whether the program itself makes a task: here, or by a function whose purpose that is."""
    return is_own(caller) or things.called(caller, _MODULES) in _MAKERS


def _things(kinds):
    def observe(module):
        for name, kind in kinds.items():
            _made(getattr(module, name), kind)

    return observe


def _made(cls, kind):
    @wrap(cls, "__init__")
    def _(original):
        def __init__(self, *arguments, **names):
            original(self, *arguments, **names)
            thing = things.made(kind, self)
            if thing:
                self._tasklab = thing

        return __init__


when_imported("asyncio.locks")(
    _things({"Lock": "lock", "Event": "event", "Condition": "condition", "Semaphore": "semaphore"})
)
when_imported("asyncio.queues")(_things({"Queue": "queue"}))


def is_asyncio_s(thing):
    """Whether it may be used in its loop alone."""
    return isinstance(thing, sys.modules["asyncio.mixins"]._LoopBoundMixin)


def act(thing, do, *arguments):
    """Has a thing of asyncio's do something in its loop. Raises what that raises, and TimeoutError if the loop does not come to it."""
    loops = _running(_known() if thing._loop is None else [thing._loop])
    if not loops:
        raise TimeoutError
    return _in_loop(loops[0], getattr(thing, do), *arguments)


def names():
    """The names of the lanes of tasks that are not done."""
    return [name for name in list(_names.values()) if type(name) is str]


def end_sleep(name):
    """Has the task of this name go on. False if it does not sleep."""

    def end(asyncio):
        for task in asyncio.all_tasks():
            if _names.get(id(task)) == name and _awaited(task)[0] == "sleeping":
                future = task._fut_waiter
                if future is not None and not future.done():
                    future.set_result(_first_of_library(task).cr_frame.f_locals.get("result"))
                    return True
        return False

    return any(_in_loop(loop, end, sys.modules["asyncio"]) for loop in _running(_known()))


def _known():
    """The loops that tasks were made in, and that are there still."""
    return [loop for known in list(_loops) if (loop := known()) is not None]


def _running(loops):
    return [loop for loop in loops if loop.is_running()]


def _in_loop(loop, function, *arguments):
    """Calls a function in a loop, and gives what it gives. What it lets go on was woken by the person."""
    is_done, outcome = allocate_lock(), []
    is_done.acquire()

    def call():
        _here.name = lanes.YOU
        try:
            outcome.append((function(*arguments), None))
        except Exception as error:
            outcome.append((None, error))
        finally:
            _here.name = None
            is_done.release()

    handle = loop.call_soon_threadsafe(call)
    if not is_done.acquire(True, PATIENCE):
        handle.cancel()
        raise TimeoutError
    result, error = outcome[0]
    if error is not None:
        raise error
    return result
