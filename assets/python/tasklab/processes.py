"""The children of a script: reports of their states and ends, and waiting on them."""

import os
import signal
import time

from .control import TOO_LATE, action
from .events import event, refuse

_ended = {}  # PIDs of children that have ended and are not waited on: the status, as subprocess has it


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


def process_reaped(pid):
    """Its parent has waited on it."""
    event("process.reaped", pid=pid)


def signal_name(number):
    """The name of a signal. Of the real-time signals the library names only the first and the last."""
    if number >= signal.SIGRTMIN:
        return f"SIGRTMIN+{number - signal.SIGRTMIN}"
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"SIG{number}"


def peek(pid):
    """A child's status if it has ended, as subprocess has it, else None. The child stays a zombie; its end is told once."""
    if pid not in _ended:
        found = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        if found is None:
            return None
        _ended[pid] = found.si_status if found.si_code == os.CLD_EXITED else -found.si_status
        process_state(pid, "zombie")
        process_exited(pid, _ended[pid])
    return _ended[pid]


def reap(pid, grace=2.0):
    """Waits on a child, and gives the raw status. A stopped child is killed after the grace, in seconds; one that is only late,
    as on a busy machine, half a minute after that."""
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
    """Whether to wait no longer for what a process should have done at this time: it is stopped, or half a minute late. One
    that is less late may run on a busy machine."""
    late = time.monotonic() - due
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as stat:
            return late >= 30 or late >= 0 and stat.read().rpartition(")")[2].split()[0] in "Tt"
    except OSError:
        return late >= 0
