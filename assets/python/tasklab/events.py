"""The lines that a program writes: one for each thing that happens. A line is stamped when the thing happens, and written later, in
the order of the stamps: a write takes longer than most critical sections, and one inside would make other threads wait."""

import atexit
import collections
import json
import os
import select
import sys
import threading
import time

# A line appears when it is printed, also in a pipe, and a fork does not copy text that is not written yet.
sys.stdout.reconfigure(line_buffering=True)


def inherited(name):
    """The descriptor whose number is in this variable of the environment; None if it is not open. The programs that a script
    starts do not inherit it."""
    try:
        number = int(os.environ.get(name, ""))
        os.set_inheritable(number, False)
        return number
    except (ValueError, OSError):
        return None


descriptor = inherited("TASKLAB_EVENTS")  # None: nobody reads the lines
_began = int(os.environ.get("TASKLAB_T0") or time.monotonic_ns())
_stamped = collections.deque()  # lines that are not written yet: their times, and their keys or their JSON
_lock = threading.Lock()  # held only to stamp a line
_writing = threading.Lock()  # held while lines are written
_thread = threading.local()  # of the calling thread: whether it has stamped lines, and has not written since
BATCH, MOST_STAMPED = 16, 1000  # lines of one write; lines that may wait: one more is written at once


def event(kind, **keys):
    """Tells of something now: stamps its line, and writes it."""
    if descriptor is not None:
        if kind in ("task.started", "task.state") and "line" not in keys and (line := script_line()):
            keys["line"] = line
        _put(_json({"kind": kind, **keys}))
        write()


def stamp(kind, **keys):
    """Stamps a line. It waits until this or another thread writes."""
    if descriptor is not None:
        _put({"kind": kind, **keys})


def has_stamped():
    """Whether the calling thread has stamped lines that it has not written."""
    return getattr(_thread, "has_stamped", False)


def write():
    """Writes all lines that are stamped. Waits while the pipe is full."""
    _thread.has_stamped = False
    with _writing:
        while _write_batch():
            pass


def try_write():
    """Writes the lines that are stamped, as long as that makes nobody wait."""
    if not _writing.acquire(blocking=False):
        return
    try:
        pipe = select.poll()
        if descriptor is not None:
            pipe.register(descriptor, select.POLLOUT)
        while descriptor is None or pipe.poll(0):
            _thread.has_stamped = False
            if not _write_batch():
                break
    finally:
        _writing.release()


def _json(keys):
    return json.dumps(keys, separators=(",", ":"), ensure_ascii=False)


def _put(line):
    """The time is taken under the lock, so that the lines of a process are in order."""
    with _lock:
        _stamped.append((time.monotonic_ns() - _began, line))
    _thread.has_stamped = True
    if len(_stamped) > MOST_STAMPED:
        write()


def _write_batch():
    """Writes some lines, whole ones with each write, so that the lines of several processes do not mix. Gives whether there were any."""
    with _lock:
        batch = [_stamped.popleft() for _ in range(min(BATCH, len(_stamped)))]
    text = b""
    for t, line in batch:
        line = line if isinstance(line, str) else _json(line)
        line = f'{{"t":{t},{line[1:]}\n'.encode(errors="replace")  # A name may hold half a character.
        if len(text) + len(line) > select.PIPE_BUF:
            _write(text)
            text = b""
        text += line
    _write(text)
    return bool(batch)


def _write(text):
    global descriptor
    try:
        while text and descriptor is not None:
            text = text[os.write(descriptor, text):]
    except OSError:
        descriptor = None  # Nobody reads any more; the program goes on without telling.


def script_line():
    """The line of the script that runs now: that of the nearest caller in the script itself."""
    frame = sys._getframe(1)
    while frame and frame.f_globals.get("__name__") not in ("__main__", "__mp_main__"):
        frame = frame.f_back
    return frame and frame.f_lineno


def state(task, word, on=None, held_by=None, woken_by=None):
    """How a task is: created, ready, running, waiting, sleeping, stopped, zombie, done or failed. One that goes on after a wait was
    woken by another task, if that is known."""
    event("task.state", **_state(task=task, state=word, on=on, held_by=held_by, woken_by=woken_by))


def stamp_state(task, word, on=None, held_by=None, woken_by=None, line=None):
    """The same, written later. The line is that of the script, as script_line() gives it."""
    stamp("task.state", **_state(task=task, state=word, on=on, held_by=held_by, woken_by=woken_by, line=line))


def _state(**keys):
    return {key: value for key, value in keys.items() if value is not None}


def value(name, number):
    """Shows a number or a text."""
    event("value", name=name, value=number)


def fact(id, claim, expected, observed, holds=None):
    """A claim of the lesson beside what this run showed. It holds if they are equal, unless you say what holds."""
    event("fact", id=id, claim=claim, expected=expected, observed=observed,
          holds=expected == observed if holds is None else bool(holds))


def gpio(line, level):
    """Asks for a level, 0 or 1, on an output line of the board."""
    event("gpio", line=line, value=level)


def notice(text):
    """Shows a sentence about something that went wrong."""
    event("notice", text=text)


def refuse(do, target, why):
    """Says why an action cannot be done now, and what would be accepted."""
    event("action.refused", do=do, target=target, text=str(why))


def _after_fork():
    """Another thread of the parent's may have held a lock, and does not exist in the child. What is stamped the parent writes."""
    global _lock, _writing
    _lock, _writing = threading.Lock(), threading.Lock()
    _stamped.clear()


os.register_at_fork(after_in_child=_after_fork)
atexit.register(write)  # A task that ends with a lock in its hands may have left lines.
