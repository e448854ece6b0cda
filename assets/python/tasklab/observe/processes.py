"""The program's own calls that wait for the kernel: os.fork and the waits for children, time.sleep, and input(), which waits for a person."""

import _signal
import builtins
import mmap
import os
import sys
import time
from _thread import _local

from . import lanes, lines, listener
from .frames import is_own, outside
from .hooks import wrap
from .lanes import operation, wait_begins, wait_ends
from .lines import LONGEST, flush, tell
from .listener import is_listening
from .things import called, is_asked, of

# The module signal makes this an enumeration, which takes long to import. Some have two names.
_OTHER_NAMES = ("SIGCLD", "SIGIOT", "SIGPOLL")
_SIGNALS = {
    number: name
    for name, number in vars(_signal).items()
    if name.startswith("SIG") and not name.startswith("SIG_") and name not in _OTHER_NAMES
}
MOST_WORDS = 600  # characters of a command that are told: a line goes into a pipe in one piece
_names = {}  # a child's PID: its name
_with_lanes = set()  # PIDs of children whose names no other lane may have
_forks = []  # of children whose PIDs are not known here: their names, and the pages in which they write them
has_put_variables = False  # whether the program has changed its environment behind os.environ
_forking = _local()  # of the calling thread: the name and the page of the child that it forks


def install_times():
    """Tells of the program's own sleeps and questions."""

    @wrap(time, "sleep")
    def _(original):
        def sleep(seconds, /):
            frame = sys._getframe(1)
            is_sched = frame.f_globals.get("__name__") == "sched"
            if seconds == 0 or not is_sched and not is_asked(frame):
                return original(seconds)
            agenda = of(frame.f_locals["self"]) if is_sched else None
            # A scheduler waits for its next event.
            wait = wait_begins(agenda.on, at_most=seconds) if agenda else wait_begins("sleep()", None, "sleeping", seconds)
            try:
                # A person can end a sleep that lasts long enough for that.
                if type(seconds) in (int, float) and 0.2 <= seconds <= 1e6 and is_listening() and wait.lane.sleep(seconds):
                    return None
                return original(seconds)
            finally:
                wait_ends(wait)

        return sleep

    @wrap(builtins, "input")
    def _(original):
        def input(*prompt):
            if not is_own(sys._getframe(1)):
                return original(*prompt)
            wait = wait_begins("input()")
            wait.lane.is_asking = True
            try:
                return original(*prompt)
            finally:
                wait.lane.is_asking = False
                wait_ends(wait)

        return input


def install():
    """Tells of forks, of waits for children, and of what a process leaves behind at its end."""

    os.register_at_fork(before=_before_fork, after_in_parent=_after_in_parent, after_in_child=_after_in_child)
    _waits("wait", lambda: None)
    _waits("wait3", lambda options: None)
    _waits("waitpid", lambda pid, options: pid)
    _waits("wait4", lambda pid, options: pid)
    _waits("waitid", lambda kind, number, options: number if kind == os.P_PID else None,
           lambda result: (result.si_pid, result.si_status) if result else (0, 0))

    @wrap(os, "system")
    def _(original):
        def system(*arguments, **names):
            if not is_asked(sys._getframe(1)):
                return original(*arguments, **names)
            told = wait_begins("system()", "sh")
            try:
                status = original(*arguments, **names)
            finally:
                wait_ends(told)
            operation("system", "program sh", status)
            return status

        return system

    for name in ("putenv", "unsetenv"):

        @wrap(os, name)
        def _(original):
            def put(*arguments):
                global has_put_variables
                has_put_variables |= is_own(sys._getframe(1))
                return original(*arguments)

            return put

    @wrap(os, "_exit")
    def _(original):
        def _exit(status):
            listener.look_at_variables()
            lanes.end("ok" if status == 0 else f"exit {status}")
            lanes.end_others()
            lines.close()
            original(status)

        return _exit

    # All of os.exec… call one of these two.
    for name in ("execv", "execve"):

        @wrap(os, name)
        def _(original):
            def exec(*arguments):
                lines.finish()
                return original(*arguments)

            return exec


def _waits(function, child, outcome=lambda result: result[:2]):
    """Tells of a wait for children: whom it is for, who has ended, and what it gave."""

    @wrap(os, function)
    def _(original):
        def wait(*arguments, **names):
            frame = sys._getframe(1)
            if not is_asked(frame):
                is_spawned = frame.f_code.co_name == "_spawnvef"  # os.spawn… with P_WAIT
                return _wait_for_spawned(original, frame, arguments) if is_spawned else original(*arguments, **names)
            try:
                pid = child(*arguments, **names)
            except TypeError:
                pid = None
            told = wait_begins(f"{function}()", name_of(pid) if pid and pid > 0 else None)
            try:
                result = original(*arguments, **names)
            except BaseException as error:
                wait_ends(told)
                operation(function, "any child", type(error).__name__)
                raise
            pid, status = outcome(result)
            name = pid and name_of(pid)
            wait_ends(told, name or None)
            operation(function, name or (f"child {pid}" if pid else "any child"), status)
            if pid and function != "waitid":
                gone(pid, status)
            return result

        return wait


def _wait_for_spawned(wait, frame, arguments):
    """Tells of the wait of os.spawnlp() and the like for their program."""
    function = called(frame, ("os",))
    if function is None:
        return wait(*arguments)
    pid, name = arguments[0], program(frame.f_locals["file"])
    if name_of(pid) is None:
        started(pid, name, frame.f_locals["args"])
    told, ended = wait_begins(f"{function}()", name), None
    try:
        result = wait(*arguments)
        ended = name
    finally:
        wait_ends(told, ended)
    gone(*result)
    return result


def _before_fork():
    """The program's own code forks, and not the library for it. Nothing is put around os.fork: it warns whoever calls it."""
    _forking.child = None
    frame = outside()
    if frame is not None and is_own(frame):
        _forking.child = lanes.child_name(), mmap.mmap(-1, 8)


def _after_in_parent():
    if getattr(_forking, "child", None):
        _forks.append(_forking.child)
        _forking.child = None


def _after_in_child():
    _forks.clear()
    if getattr(_forking, "child", None):
        name, page = _forking.child
        _forking.child = None
        page[:] = os.getpid().to_bytes(8, sys.byteorder)
        lanes.begin_process(name)


def name_of(pid):
    """The name of a child's lane; None if the program has not made it."""
    for fork in list(_forks):
        number = int.from_bytes(fork[1][:], sys.byteorder)
        if number:
            _names[number] = fork[0]
            _forks.remove(fork)
    return _names.get(pid)


def named(pid, name, has_lane=True):
    """A child has this name, which is that of a lane of its own, or that of its program."""
    _names[pid] = name
    if has_lane:
        _with_lanes.add(pid)


def program(args):
    """The name of the program that a command starts."""
    word = args if isinstance(args, (str, bytes, os.PathLike)) else (list(args) or [""])[0]
    try:
        return os.path.basename(os.fsdecode(word)) or "program"
    except (TypeError, ValueError):
        return "program"


def started(pid, name, words, has_lane=False):
    """Tells that a child has begun with another program."""
    named(pid, name, has_lane)
    argv, room = [], MOST_WORDS
    for word in words:
        text = os.fsdecode(word)[:LONGEST]
        room -= len(text)
        if room < 0:
            break
        argv.append(text)
    try:
        pgid, sid = os.getpgid(pid), os.getsid(pid)
    except OSError:
        pgid = sid = None
    tell("process.started", pid=pid, ppid=os.getpid(), pgid=pgid, sid=sid, name=name, argv=argv)
    flush()


def gone(pid, status):
    """Tells how a child has ended that was waited on: by the status as waitpid gives it."""
    if os.WIFSTOPPED(status) or os.WIFCONTINUED(status):
        return
    ended(pid, os.waitstatus_to_exitcode(status))


def ended(pid, code):
    """The same, by the status as subprocess has it."""
    if code < 0:
        tell("process.exited", pid=pid, signal=_signal_name(-code), core=False)
    else:
        tell("process.exited", pid=pid, code=code)
    tell("process.reaped", pid=pid)
    name = _names.pop(pid, None)
    if pid in _with_lanes:
        _with_lanes.discard(pid)
        lanes.is_over(name)
    flush()


def _signal_name(number):
    if number > _signal.SIGRTMIN:
        return f"SIGRTMIN+{number - _signal.SIGRTMIN}"
    return _SIGNALS.get(number, f"SIG{number}")
