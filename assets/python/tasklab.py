"""The shim between a lesson's script and Task Lab. Standard library only, Python 3.11 and later.

Task Lab names two open descriptors in the environment: TASKLAB_EVENTS, where this module writes one line of JSON for
each thing that happens, and TASKLAB_CONTROL, where it reads one line of JSON for each thing that a person does.
Without them every function here does nothing (action() still sleeps), so the script also runs alone:

    python3 thread-pool.py workers=2

It also has the standard library's primitives under their own names (Lock, Semaphore, Event, Barrier, Condition, Queue, Timer,
local, Thread, ThreadPoolExecutor, Pipe). They do what those do, and show who waits for what and who has it:

    lock = tasklab.Lock("counter")
    threads = [tasklab.Thread(target=work, name=f"worker-{n}") for n in range(4)]
"""

import atexit
import collections
import json
import os
import select
import signal
import sys
import threading
import time

# Lines appear when they are printed, also in a pipe, and no fork carries half a buffer along.
sys.stdout.reconfigure(line_buffering=True)


def _descriptor(name):
    """The descriptor that the environment names, if it is open. A program that a script runs must not inherit it."""
    try:
        number = int(os.environ.get(name, ""))
        os.set_inheritable(number, False)
        return number
    except (ValueError, OSError):
        return None


_events = _descriptor("TASKLAB_EVENTS")
_control = _descriptor("TASKLAB_CONTROL")
_began = int(os.environ.get("TASKLAB_T0") or time.monotonic_ns())
_lock = threading.Lock()
_heard = b""
_pending = collections.deque()  # actions that were heard and not asked for yet
_actions = {}  # name: what it is done to, as the script declares it; empty where it declares none
_buttons = []  # what a press of each is
_main_pid = os.getpid()
_own = threading.local()  # of each thread: its lane, and what it holds
_ended = {}


def params(**defaults):
    """The parameters: the defaults, NAME=VALUE of the command line, or what Task Lab gives. Read as params.NAME."""
    values = dict(defaults)
    for argument in sys.argv[1:]:
        name, equals, text = argument.partition("=")
        if not equals or name not in defaults:
            sys.exit(f"{argument!r} is no parameter; there are: " + " ".join(f"{n}={v}" for n, v in defaults.items()))
        default = defaults[name]
        try:
            values[name] = text in ("true", "yes", "on", "1") if isinstance(default, bool) else type(default)(text)
        except ValueError:
            sys.exit(f"{name} cannot be {text!r}: it is {default!r} by default")
    given = json.loads(os.environ.get("TASKLAB_PARAMS") or "{}")
    values.update((name, value) for name, value in given.items() if name in defaults)
    return type("Params", (), values)


def lane():
    """The calling thread's lane. A thread that the script did not introduce gets one under its own name."""
    if getattr(_own, "lane", None) is None:
        thread = threading.current_thread()
        started("main" if thread is threading.main_thread() else thread.name)
    return _own.lane


def event(kind, **keys):
    """Writes one event line, with a single write, so that the lines of several processes do not mix."""
    global _events
    if _events is None:
        return
    if kind in ("task.started", "task.state") and "line" not in keys and (line := _line()):
        keys["line"] = line
    with _lock:
        line = json.dumps({"t": time.monotonic_ns() - _began, "kind": kind, **keys}, separators=(",", ":")) + "\n"
        rest = line.encode()
        try:
            while rest:
                rest = rest[os.write(_events, rest):]
        except OSError:
            _events = None  # Nobody reads any more: the lesson goes on unheard.


def _line():
    """The line of the script that runs now: the nearest caller that is no part of this module."""
    frame = sys._getframe(2)
    while frame and frame.f_globals.get("__name__") not in ("__main__", "__mp_main__"):
        frame = frame.f_back
    return frame and frame.f_lineno


def rename(name):
    """Gives the calling thread a name in the kernel, for htop and the process tree (15 bytes at most)."""
    try:
        with open(f"/proc/self/task/{threading.get_native_id()}/comm", "w") as comm:
            comm.write(name[:15])
    except OSError:
        pass


def started(task, sort="thread"):
    """Opens a lane: a thread, process, coroutine, event or future. A thread is known by it to the primitives below."""
    if sort in ("thread", "process"):
        _own.lane, _own.holds, _own.pace = task, [], _tracked.Pace()
        if task != "main":
            rename(task)
    event("task.started", task=task, sort=sort, pid=os.getpid(), tid=threading.get_native_id())


def state(task, word, on=None, held_by=None):
    """How a task is: created, ready, running, waiting, sleeping, stopped, zombie, done or failed."""
    keys = {"on": on, "held_by": held_by}
    event("task.state", task=task, state=word, **{key: text for key, text in keys.items() if text is not None})


def sleep(seconds):
    """time.sleep(), shown in the calling thread's lane."""
    state(lane(), "sleeping")
    time.sleep(seconds)
    state(lane(), "running")


def finished(task, result="ok"):
    """Closes a lane."""
    if getattr(_own, "lane", None) == task:
        _own.pace.tell(task)
        _tracked.steps.settled(task)
        _own.lane = None
    event("task.finished", task=task, result=result)


def process_started(pid, name, ppid=None, argv=()):
    """Tells of a child, after it was forked or started."""
    event("process.started", pid=pid, ppid=ppid or os.getpid(), pgid=os.getpgrp(), sid=os.getsid(0),
          name=name, argv=[str(word) for word in argv] or [name])


def process_state(pid, word):
    """How a process is, in the words of the event lines: running, sleeping, stopped, zombie."""
    event("process.state", pid=pid, state=word)


def process_exited(pid, returncode):
    """How a child ended, as subprocess has it: the exit status, or minus the number of the signal that killed it."""
    if returncode < 0:
        event("process.exited", pid=pid, signal=signal_name(-returncode), core=False)
    else:
        event("process.exited", pid=pid, code=returncode)


def signal_name(number):
    """The name of a signal. The library knows one for the first and the last real-time signal alone."""
    if number >= signal.SIGRTMIN:
        return f"SIGRTMIN+{number - signal.SIGRTMIN}"
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"SIG{number}"


def process_reaped(pid):
    """Its parent has waited on it."""
    event("process.reaped", pid=pid)


def peek(pid):
    """A child's status if it has ended, as subprocess has it, else None. Leaves it a zombie, and tells of it once."""
    if pid not in _ended:
        found = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        if found is None:
            return None
        _ended[pid] = found.si_status if found.si_code == os.CLD_EXITED else -found.si_status
        process_state(pid, "zombie")
        process_exited(pid, _ended[pid])
    return _ended[pid]


def reap(pid, grace=2.0):
    """Waits on a child, and gives the raw status. Who was stopped, and has not ended in time, is killed; who is late because
    the machine is busy, only after half a minute."""
    deadline = time.monotonic() + grace
    pidfd = os.pidfd_open(pid)
    while peek(pid) is None:
        if is_given_up(pid, deadline):
            os.kill(pid, signal.SIGKILL)
        asked = action(max(0.1, deadline - time.monotonic()), pidfd)
        if asked:
            refuse(*asked, TOO_LATE)
    os.close(pidfd)
    del _ended[pid]
    _, raw = os.waitpid(pid, 0)
    process_reaped(pid)
    return raw


def is_given_up(pid, due):
    """Whether nobody waits any longer for what a process should have done by then: somebody has stopped it. On a busy
    machine it may just be late, at most by half a minute."""
    late = time.monotonic() - due
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as stat:
            return late >= 30 or late >= 0 and stat.read().rpartition(")")[2].split()[0] in "Tt"
    except OSError:
        return late >= 0


def value(name, number):
    """Shows a number or text."""
    event("value", name=name, value=number)


def notice(text):
    """Shows a sentence about something that went wrong."""
    event("notice", text=text)


def gpio(line, level):
    """Asks for a level, 0 or 1, on an output line of the board."""
    event("gpio", line=line, value=level)


def button(line):
    """Makes a line of the board a button, which connects it with ground. Gives the action that each press will be."""
    event("action", do="watch", target=f"GPIO{line}", by="lesson")
    _buttons.append(("press", f"GPIO{line}"))
    return _buttons[-1]


def fact(id, claim, expected, observed, holds=None):
    """A claim of the lesson beside what this run showed. It holds if they are equal, unless you say what holds."""
    event("fact", id=id, claim=claim, expected=expected, observed=observed,
          holds=expected == observed if holds is None else bool(holds))


def action(timeout, *others):
    """Sleeps until a person does something, as (do, target), or returns None: after the timeout, or earlier when one
    of the other descriptors is readable. Only the script's first process hears actions; step mode hears its own."""
    return _pending.popleft() if _pending else _hear(timeout, others)


def _hear(timeout, others):
    global _control, _heard
    deadline = time.monotonic() + timeout
    while True:
        line, newline, rest = _heard.partition(b"\n")
        if newline:
            _heard = rest
            try:
                asked = json.loads(line)
                do, target = asked["do"] + "", asked.get("target", "") + ""
            except (ValueError, KeyError, TypeError, AttributeError):
                if line.strip():
                    notice(f"a line that is no action was skipped: {line[:200].decode(errors='replace')}")
                continue
            if do == "step":
                _tracked.steps.obey(target)
            elif why := _unfit(do, target):
                refuse(do, target, why)
            else:
                return do, target
            continue
        listening = [_control] if _control is not None and os.getpid() == _main_pid else []
        ready, _, _ = select.select([*others, *listening], [], [], max(0, deadline - time.monotonic()))
        if listening and _control in ready:
            try:
                chunk = os.read(_control, 4096)
            except OSError:
                chunk = b""
            if not chunk:
                _control = None  # Nobody will send anything any more; waiting goes on as before.
            _heard += chunk
        elif ready or time.monotonic() >= deadline:
            return None


TOO_LATE = "it comes too late: nothing is left but the end"


def refuse(do, target, why):
    """Says why an action cannot be done now, and what would be accepted."""
    event("action.refused", do=do, target=target, text=str(why))


def _quoted(text):
    return json.dumps(text, ensure_ascii=False)


def actions(*usages):
    """Declares what a person can do, as actions("wait CHILD", "poll [CHILD]", "finish"). What does not fit is refused, with
    the reason, before the script hears of it. Without such a line the script hears everything."""
    _actions.update((name, target) for name, _, target in (usage.partition(" ") for usage in usages))


def _unfit(do, target):
    """Why this is no action of the script, or not with such a target; None if it is one."""
    if not _actions or (do, target) in _buttons:
        return None
    if do not in _actions:
        return "this lesson has no such action; it has: " + ", ".join(f"{name} {on}".strip() for name, on in _actions.items())
    wanted = _actions[do]
    if target.strip() and not wanted:
        return "it takes no target"
    if wanted and not wanted.startswith("[") and not target.strip():
        return f"it needs a target, as in `{do} {wanted}`"


@atexit.register
def _refuse_what_is_left():
    """At its end the script's first process refuses the actions that nobody has taken."""
    if os.getpid() == _main_pid:
        for _ in range(1000):  # Somebody who never stops talking must not keep the script from ending.
            if not (asked := action(0)):
                break
            refuse(*asked, TOO_LATE)


def counted(count, one, many):
    """A number with its noun: 1 child, 3 children."""
    return f"{count} {one if count == 1 else many}"


def unknown(what, target, known):
    """Why a target is refused that nothing here is called: there is no child "x"; there are child-1, child-3."""
    known = list(map(str, known))
    rest = f"; there {'is' if len(known) == 1 else 'are'} {', '.join(known)}" if known else ", and none is left"
    return f"there is no {what} {_quoted(target)}{rest}"


def yes_or_no(is_so):
    """Whether something is so, in a word."""
    return "yes" if is_so else "no"


def readable(descriptor):
    """Whether reading from a descriptor would not wait."""
    return bool(select.select([descriptor], [], [], 0)[0])


# These tell what they do through the functions above, so that they come last.
import tasklab_tracked as _tracked
from tasklab_steps import checkpoint, is_stepped, order, replay, step_mode
from tasklab_tracked import (
    Barrier, BrokenBarrierError, Condition, Empty, Event, Full, JoinableQueue, Lock, Pipe, Queue, Semaphore, Thread,
    ThreadPoolExecutor, Timer, deadlock, local,
)
