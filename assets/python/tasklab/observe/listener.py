"""The actions of a person, which a thread of the observer's own does: they act on things and tasks by their names. It also looks ten times
a second at what nobody tells: the simple variables of the script, and long waits of tasks that do too much to tell all."""

import os
import select
import sys
from _signal import SIG_BLOCK, SIG_SETMASK, pthread_sigmask, valid_signals
from _stat import S_ISFIFO
from _thread import allocate_lock, get_native_id, start_new_thread
from time import monotonic

from . import frames, lanes, lines, quiet, things
from .lines import flush, tell

MOST_HELD = 20  # seconds for which a person has a lock: others wait for it, and perhaps nobody is there any more
PERIOD = 0.1  # seconds between two looks
MOST_VARIABLES = 50  # of the script that are looked at
ACTIONS = {  # what may be done with things of a kind, and with tasks
    "event": ("set", "clear"),
    "barrier": ("reset", "abort"),
    "lock": ("hold", "release"),
    "semaphore": ("acquire", "release"),
    "condition": ("notify", "notify_all"),
    "queue": ("put",),
    "timer": ("cancel",),
    "task": ("another", "go-on", "step"),
}
TOO_LATE = "it comes too late: nothing is left but the end"

_control = None  # the descriptor that actions come from
_identity = None  # of the pipe that it is: the program may close it, and open something else under its number
_filters = None  # the filters of warnings in which there is ours
_forked_at = 0  # when the program forked last
_wake = None  # ends the listener's wait
_is_stopping = False
_thread = None  # the number of the listener's thread in the kernel
_gone = allocate_lock()  # held while the listener lives
_unread = b""
_UNKNOWN = object()  # the value of a variable that is new
_has_script = False  # whether this is the first process of the program, whose variables are told
_known = {}  # a variable of the script: its value at the last look
_literals = {}  # a variable of the script: the literal that it begins with
_others = set()  # variables of the script that are not told
_at_looks = []  # functions that are called at each look
_waits = {}  # a lane: the wait that it had at the last look, and how often it had waited in it
coroutines = None  # the module of that name, once the program has imported asyncio
cancels = {}  # an event of a scheduler, such as `event feed`, or a future: what cancels it, and says why not
_pressed = {}  # a line that the program watches, as GPIO26: what a press of its button does
_held = {}  # a lock that a person holds: the lock that its keeper waits for


class _You(lanes.Lane):
    """The lane of the person, which tells nothing of itself: the actions are told."""

    __slots__ = ()

    def tells(self, has_waited=False, times=1):
        return False


class _Refused(Exception):
    """Why an action is not done."""


def start():
    """Starts to listen, if anybody may send actions."""
    global _control, _identity, _wake, _has_script
    _has_script = True
    lines.at_fork(_forget_script)
    number = os.environ.get("TASKLAB_CONTROL", "")
    try:
        if not S_ISFIFO(os.fstat(int(number)).st_mode):
            return
        _control = lines.raised(int(number))
        _identity = lines.identity_of(_control)
        _wake = lines.Alarm()
    except (ValueError, OSError):
        _control = None
        return
    os.environ["TASKLAB_CONTROL"] = str(_control)
    if sys.version_info >= (3, 12):
        os.register_at_fork(before=_before_fork, after_in_parent=_after_fork, after_in_child=_warn_again)
    lines.at_fork(_forget)
    _step_early()
    _resume()


def _step_early():
    """Does the steps that have come before the program begins: its first gates are closed then. The thread does what else has come."""
    global _unread
    poll = select.poll()
    poll.register(_control, select.POLLIN)
    if poll.poll(0) and (chunk := os.read(_control, 4096)):
        *whole, last = chunk.split(b"\n")
        steps = [line for line in whole if (_read_action(line) or " ")[0] == "step"]
        _unread = b"\n".join([line for line in whole if line not in steps] + [last])
        for line in steps:
            _act(line)


def on_press(target, function):
    """Has a function called when the button of this line is pressed. It must be quick: the listener calls it."""
    _pressed[target] = function


def is_listening():
    """Whether a person may end a sleep."""
    return _thread is not None


def stop():
    """Stops for good: the program reads the actions itself."""
    global _control
    _stop()
    _control = None
    if (steps := lanes.steps) is not None:
        steps.switch(False)


def _stop():
    """Ends the thread."""
    global _is_stopping, _thread
    if _thread is None:
        return
    _is_stopping = True
    quiet.allow(False)
    _wake.ring()
    with _gone:
        _thread = None


class _OfOurThread:
    """The text of a warning that Python 3.12 and later give after a fork where there are several threads."""

    @staticmethod
    def match(text):
        return text.startswith("This process (pid=") and " is multi-threaded" in text


_NO_WARNING = ("ignore", _OfOurThread, DeprecationWarning, None, 0)


def _before_fork():
    """Has Python not warn of threads where there is none but the program's first one, and ours."""
    global _filters, _forked_at
    if _thread is None:
        return
    _warn_again()
    _forked_at = monotonic()
    known = len(getattr(sys.modules.get("threading"), "_active", ()))
    # The kernel removes a thread that has ended in a moment.
    while (threads := len(os.listdir("/proc/self/task"))) > 2 and known < 2 and monotonic() - _forked_at < 0.005:
        pass
    if threads == 2:
        _filters = getattr(sys.modules.get("warnings") or sys.modules["_warnings"], "filters")
        _filters.insert(0, _NO_WARNING)


def _after_fork():
    """Python warns after this."""
    if _filters is not None:
        lanes.postponed.append(_warn_again)


def _warn_again():
    global _filters
    filters, _filters = _filters, None
    # Inside of catch_warnings() it is another list for a while.
    for each in (filters, getattr(sys.modules.get("warnings"), "filters", None)):
        if each is not None and _NO_WARNING in each:
            each.remove(_NO_WARNING)


def _resume():
    started = allocate_lock()
    started.acquire()
    # A signal of the process is for a thread of the program, whose call it is to end.
    mask = pthread_sigmask(SIG_BLOCK, valid_signals())
    try:
        start_new_thread(_listen, (started,))
    except RuntimeError:
        return  # No thread can be started: the program goes on without a person.
    finally:
        pthread_sigmask(SIG_SETMASK, mask)
    started.acquire()


def _forget():
    """The child of a fork has no listener: actions are for the first process."""
    global _control, _thread, _gone
    _control, _thread, _gone = None, None, allocate_lock()


def _forget_script():
    """The variables of the script are those of the first process."""
    global _has_script
    _has_script = False


def _listen(started):
    global _thread
    with _gone:
        _thread = get_native_id()
        lanes.name_thread("tasklab-listen")
        lanes.own.lane = _You(lanes.YOU)
        quiet.allow(True)
        started.release()
        poll = select.poll()
        poll.register(_control, select.POLLIN)
        poll.register(_wake.number, select.POLLIN)
        _take(b"")
        while not _is_stopping:
            for descriptor, what in poll.poll(PERIOD * 1000):
                # The program may have closed it: then the listener goes on without.
                if descriptor != _control or not what & select.POLLIN or not _read():
                    poll.unregister(descriptor)
                    if descriptor == _control and (steps := lanes.steps) is not None:
                        steps.leave()
            _look()


def _read():
    """Does the actions that have come. False once nobody sends any more."""
    if lines.identity_of(_control) != _identity:
        return False
    chunk = os.read(_control, 4096)
    _take(chunk)
    return bool(chunk)


def _take(chunk):
    global _unread
    *whole, _unread = (_unread + chunk).split(b"\n")
    for line in whole:
        _act(line)


def _act(line):
    asked = _read_action(line)
    if asked is None:
        return
    do, target = asked
    try:
        _do(do, target)
    except _Refused as refused:
        tell("action.refused", do=do, target=target, text=str(refused))
    except Exception as error:
        tell("action.refused", do=do, target=target, text=_reason(error, do, target))
    flush()


def _reason(error, do, target):
    """In plain words why a thing could not do it."""
    kind = type(error).__name__
    if kind == "TimeoutError":
        return f"the event loop of {target} does not come to it"
    if do == "release" and kind == "RuntimeError":
        is_another_s = getattr(things.find(target), "_count", 0)
        return f"only the task that has {target} can release it" if is_another_s else f"nobody has {target}"
    if do == "release" and kind == "ValueError":
        return f"all places of {target} are free"
    if do == "cancel" and kind == "ValueError":
        return f"{target} is not in the agenda any more"
    if do == "put" and kind in ("Full", "QueueFull"):
        return f"{' '.join(target.split()[:2])} is full"
    if do == "put" and kind in ("ShutDown", "ValueError"):
        return f"{' '.join(target.split()[:2])} is closed"
    return f"{kind}: {error}"


def _read_action(line):
    """What is to be done, and to what; None if the line is no action."""
    from json import loads  # Few programs have a person who acts.

    try:
        asked = loads(line)
        return asked["do"] + "", asked.get("target", "") + ""
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _do(do, target):
    if do == "press":
        if target not in _pressed:
            raise _Refused(f"the program watches no button on {target}")
        return _pressed[target]()
    kinds = [kind for kind, actions in ACTIONS.items() if do in actions]
    if not kinds:
        raise _Refused("there is no such action; there are: " + ", ".join(sorted({action for each in ACTIONS.values() for action in each})))
    if do == "step":
        from . import stepping  # Few programs are stepped.

        why = stepping.step(target)
        quiet.end_all()  # Nothing becomes quiet in step mode.
        if why:
            raise _Refused(why)
        return None
    if "task" in kinds:
        return _another(target) if do == "another" else _go_on(target)
    name, text = target, None
    if do == "put":
        kind, _, rest = target.partition(" ")
        name, _, text = rest.partition(" ")
        name = f"{kind} {name}"
    if do == "cancel" and name in cancels:
        if why := cancels[name]():
            raise _Refused(why)
        return
    thing = things.find(name)
    if thing is None or name.partition(" ")[0] not in kinds:
        some = sorted(on for on in things.names() if on.partition(" ")[0] in kinds)
        if do == "cancel":
            kinds += ["event", "future"]
            some += sorted(cancels)
        there = f"there are: {', '.join(some)}" if some else "the program has none"
        raise _Refused(f"there is no {' or '.join(kinds)} {target!r}; {there}")
    if coroutines is not None and coroutines.is_asyncio_s(thing):
        if do in ("hold", "acquire", "notify", "notify_all"):
            raise _Refused(f"only a coroutine can {do.replace('hold', 'acquire')} {name}, which is asyncio's")
        arguments = ("put_nowait", _literal(text)) if do == "put" else (do,)
        coroutines.act(thing, *arguments)
    elif do == "put":
        thing.put(_literal(text), block=False)
    elif do in ("hold", "acquire"):
        _hold(name, thing)
    elif do == "release" and (keep := _held.pop(name, None)):
        keep.release()
    elif do in ("notify", "notify_all"):
        start_new_thread(_notify, (thing, do))
    else:
        getattr(thing, do)()


def _literal(text):
    """A number where the text is one."""
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            pass
    return text


def _hold(name, thing):
    """Has a thread of its own take a lock and keep it: the lock may be another's now, and only who has an RLock can let it go."""
    if name in _held:
        raise _Refused("you have it already")
    keep = _held[name] = allocate_lock()
    keep.acquire()
    start_new_thread(_keep, (name, thing, keep))


def _keep(name, thing, keep):
    lanes.own.lane = _You(lanes.YOU)
    if hasattr(type(thing), "_tell_released"):  # a lock of ours
        quiet.take(thing)
    else:
        thing.acquire()
    if not keep.acquire(timeout=MOST_HELD):
        _held.pop(name, None)
        tell("notice", text=f"you have had {name} for {MOST_HELD:g} seconds, and let it go")
    thing.release()
    flush()


def _notify(condition, do):
    lanes.own.lane = _You(lanes.YOU)
    with condition:
        getattr(condition, do)()


def _another(name):
    """One more thread with the same function."""
    threading = sys.modules.get("threading")
    for thread in _started(threading) if threading else ():
        known = thread.__dict__.get("_tasklab")
        if known is not None and known.name == name:
            break
    else:
        raise _Refused(f"no thread is called {name!r} now")
    if known.target is None:
        raise _Refused(f"{name} has a run() of its own, and no function")
    target, arguments, names = known.target
    # With `daemon` the library does not ask what the calling thread is, of which it knows nothing.
    threading.Thread(target=target, args=arguments, kwargs=names, name=_next(name, threading), daemon=thread.daemon).start()


def _started(threading):
    """The threads that have been started and have not ended. One that has told of itself may be in limbo for a moment."""
    return list(threading._active.values()) + list(threading._limbo)


def _next(name, threading):
    """worker-3 after worker-1 and worker-2."""
    stem = name.rstrip("0123456789")
    taken = {thread.name for thread in _started(threading)}
    number = 1
    while f"{stem}{number}" in taken or lanes.is_used(f"{stem}{number}"):
        number += 1
    return f"{stem}{number}"


def _go_on(name):
    for lane in lanes.all_lanes():
        if lane.name == name:
            if lane.is_asking:
                _press_enter(name)
            elif not lane.end_sleep():
                raise _Refused(f"{name} does not sleep")
            return
    tasks = coroutines.names() if coroutines is not None else []
    if name not in tasks:
        there = sorted([lane.name for lane in lanes.all_lanes()] + tasks)
        raise _Refused(f"there is no task {name!r}; there are: {', '.join(there)}")
    if not coroutines.end_sleep(name):
        raise _Refused(f"{name} does not sleep")


def _press_enter(name):
    """Gives an empty line to a task that waits for one. A pipe takes it from anybody; to a terminal a person must type it."""
    try:
        if sys.stdin.fileno() != 0 or not S_ISFIFO(os.fstat(0).st_mode):
            raise OSError
        pipe = os.open("/proc/self/fd/0", os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError, AttributeError):
        raise _Refused(f"{name} waits for a line of input: type one") from None
    try:
        os.write(pipe, b"\n")
    except OSError:
        raise _Refused(f"{name} waits for a line of input, and its pipe is full") from None
    finally:
        os.close(pipe)


def when_looking(function):
    """Has a function called at each look."""
    _at_looks.append(function)
    return function


def _look():
    """Tells what has changed since the last look."""
    if _filters is not None and monotonic() - _forked_at > PERIOD:
        _warn_again()
    look_at_variables()
    for function in _at_looks:
        function()
    quiet.look()
    for lane in lanes.all_lanes():
        wait = lane.wait or lane.late
        if wait is None or wait.is_told:
            _waits.pop(lane, None)
            if wait is not None:
                lock = wait.lock
                holder = lock and lock.holder()
                if holder is not None and wait.told_of != holder.name:
                    wait.tell_late()
        elif _waits.get(lane) == (wait, wait.times):
            wait.tell_late()
        else:
            _waits[lane] = wait, wait.times
    if (steps := lanes.steps) is not None:
        steps.look()
    flush()


def look_at_variables():
    """Tells the simple variables of the script that are new or have changed. What the program begins with, the script says: a literal
    that it gives a variable at the margin is told once it has changed. A name in capital letters is a constant."""
    main = sys.modules.get("__main__")
    try:
        now = list(vars(main).items()) if main is not None and _has_script else []
    except RuntimeError:
        return
    for name, value in now:
        if name.startswith("_") or name.isupper() or type(value) not in (int, float, str, bool):
            continue
        if name not in _known:
            if not _known:
                _read_script(now)
            if name in _others or len(_known) >= MOST_VARIABLES:
                continue
            _known[name] = _literals.get(name, _UNKNOWN)
        known = _known[name]
        if known is not value and (known != value or type(known) is not type(value)):
            _known[name] = value
            tell("value", name=name, value=value)


def _read_script(now):
    global _literals, _others
    found = frames.script_variables()
    _literals, _others = found or (dict(now), ())  # Without a source it begins with what is there at the first look.
    _known[""] = None  # It is read once.


def refuse_what_is_left():
    """At the end of the process: actions that nobody does any more."""
    global _control
    _stop()
    control, _control = _control, None
    if control is None or lines.identity_of(control) != _identity:
        return
    os.set_blocking(control, False)
    try:
        while chunk := os.read(control, 4096):
            for line in chunk.splitlines():
                _refuse(line)
    except BlockingIOError:
        pass
    flush()


def _refuse(line):
    if asked := _read_action(line):
        tell("action.refused", do=asked[0], target=asked[1], text=TOO_LATE)
