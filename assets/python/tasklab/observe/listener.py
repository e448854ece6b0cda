"""The actions of a person, which a thread of the observer's own does: they act on things and tasks by their names. It also looks ten times
a second at what nobody tells: the simple variables of the script, and long waits of tasks that do too much to tell all."""

import os
import select
import sys
from _signal import SIG_BLOCK, SIG_SETMASK, pthread_sigmask, valid_signals
from _stat import S_ISFIFO
from _thread import allocate_lock, get_native_id, start_new_thread
from time import monotonic

from . import lanes, lines, things
from .lines import flush, tell

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
_wake = None  # ends the listener's wait
_is_stopping = False
_thread = None  # the number of the listener's thread in the kernel
_gone = allocate_lock()  # held while the listener lives
_unread = b""
_known = {}  # a variable of the script: its value at the last look
_waits = {}  # a lane: the wait that it had at the last look
_held = {}  # a lock that a person holds: the lock that its keeper waits for


class _You(lanes.Lane):
    """The lane of the person, which tells nothing of itself: the actions are told."""

    __slots__ = ()

    def tells(self, has_waited=False):
        return False


class _Refused(Exception):
    """Why an action is not done."""


def start():
    """Starts to listen, if anybody may send actions."""
    global _control, _identity, _wake
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
    os.register_at_fork(before=_pause, after_in_parent=_resume_later)
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


def is_listening():
    """Whether a person may end a sleep."""
    return _thread is not None


def stop():
    """Stops for good: the program reads the actions itself."""
    global _control
    _pause(True)
    _control = None
    if (steps := lanes.steps) is not None:
        steps.switch(False)


def _pause(always=False):
    """Ends the thread before a fork: Python 3.12 and later warn of threads then, and would warn of ours."""
    global _is_stopping, _thread
    if _thread is None or not always and sys.version_info < (3, 12):
        return
    _is_stopping = True
    _wake.ring()
    with _gone:
        ended, _thread = _thread, None
    deadline = monotonic() + 0.1
    while monotonic() < deadline and os.path.exists(f"/proc/self/task/{ended}"):
        pass  # The kernel removes it in a moment.


def _resume_later():
    """Python looks for threads after this."""
    if _control is not None and _thread is None:
        lanes.postponed.append(_resume)


def _resume():
    global _is_stopping, _thread
    if _control is None or _thread is not None:
        return
    _is_stopping = False
    _wake.clear()
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
    _known.clear()


def _listen(started):
    global _thread
    with _gone:
        _thread = get_native_id()
        lanes.name_thread("tasklab-listen")
        lanes.own.lane = _You(lanes.YOU)
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
        tell("action.refused", do=do, target=target, text=f"{type(error).__name__}: {error}")
    flush()


def _read_action(line):
    """What is to be done, and to what; None if the line is no action."""
    from json import loads  # Few programs have a person who acts.

    try:
        asked = loads(line)
        return asked["do"] + "", asked.get("target", "") + ""
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _do(do, target):
    kinds = [kind for kind, actions in ACTIONS.items() if do in actions]
    if not kinds:
        raise _Refused("there is no such action; there are: " + ", ".join(sorted({action for each in ACTIONS.values() for action in each})))
    if do == "step":
        from . import stepping

        if why := stepping.step(target):
            raise _Refused(why)
        return None
    if "task" in kinds:
        return _another(target) if do == "another" else _go_on(target)
    name, text = target, None
    if do == "put":
        kind, _, rest = target.partition(" ")
        name, _, text = rest.partition(" ")
        name = f"{kind} {name}"
    thing = things.find(name)
    if thing is None or name.partition(" ")[0] not in kinds:
        some = sorted(on for on in things.names() if on.partition(" ")[0] in kinds)
        raise _Refused(f"there is no {' or '.join(kinds)} {target!r}; there {'are: ' + ', '.join(some) if some else 'is none'}")
    if do == "put":
        thing.put(_literal(text), block=False)
    elif do in ("hold", "acquire"):
        _hold(name, thing)
    elif do == "release" and name in _held:
        _held.pop(name).release()
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
    thing.acquire()
    keep.acquire()
    thing.release()


def _notify(condition, do):
    lanes.own.lane = _You(lanes.YOU)
    with condition:
        getattr(condition, do)()


def _another(name):
    """One more thread with the same function."""
    threading = sys.modules.get("threading")
    for thread in list(threading._active.values()) if threading else ():
        known = thread.__dict__.get("_tasklab")
        if known is not None and known.name == name:
            break
    else:
        raise _Refused(f"no thread is called {name!r} now")
    if known.target is None:
        raise _Refused(f"{name} has a run() of its own, and no function")
    target, arguments, names = known.target
    threading.Thread(target=target, args=arguments, kwargs=names, name=_next(name, threading)).start()


def _next(name, threading):
    """worker-3 after worker-1 and worker-2."""
    stem = name.rstrip("0123456789")
    taken = {thread.name for thread in threading._active.values()}
    number = 1
    while f"{stem}{number}" in taken or lanes.is_used(f"{stem}{number}"):
        number += 1
    return f"{stem}{number}"


def _go_on(name):
    for lane in lanes.all_lanes():
        if lane.name == name:
            if not lane.end_sleep():
                raise _Refused(f"{name} does not sleep")
            return
    raise _Refused(f"there is no task {name!r}; there are: {', '.join(sorted(lane.name for lane in lanes.all_lanes()))}")


def _look():
    """Tells what has changed since the last look."""
    look_at_variables()
    for lane in lanes.all_lanes():
        wait = lane.wait
        if wait is None or wait.is_told:
            _waits.pop(lane, None)
        elif _waits.get(lane) is wait:
            wait.tell_late()
        else:
            _waits[lane] = wait
    if (steps := lanes.steps) is not None:
        steps.look()
    flush()


def look_at_variables():
    """Tells the simple variables of the script that have changed. Those that are there at first are what the program begins with."""
    main = sys.modules.get("__main__")
    try:
        now = list(vars(main).items()) if main is not None else []
    except RuntimeError:
        return
    for name, value in now:
        if name.startswith("_") or type(value) not in (int, float, str, bool):
            continue
        if name not in _known:
            if len(_known) < MOST_VARIABLES:
                _known[name] = value
        elif _known[name] != value or type(_known[name]) is not type(value):
            _known[name] = value
            tell("value", name=name, value=value)


def refuse_what_is_left():
    """At the end of the process: actions that nobody does any more."""
    global _control
    _pause(True)
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
