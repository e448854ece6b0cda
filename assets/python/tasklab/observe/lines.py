"""The lines that the observer writes, one for each thing that happens. A line is stamped when the thing happens, and written later, in
the order of the stamps: a write takes longer than most critical sections, and one inside would make other threads wait."""

import errno
import os
import select
import sys
from _collections import deque
from _json import encode_basestring as _quoted  # the whole module takes longer to import
from _thread import RLock, allocate_lock
from fcntl import F_DUPFD_CLOEXEC, fcntl
from time import monotonic_ns

BATCH, MOST_STAMPED = 64, 1000  # lines taken for one write; lines that may wait: one more is written at once
LONGEST = 200  # characters of a text from the program
PIPE_BUF = select.PIPE_BUF  # bytes that a write puts into a pipe in one piece
HIGH = 200  # the lowest number for our descriptor: the program's own ones get the numbers that they have without us

_began = int(os.environ.get("TASKLAB_T0") or monotonic_ns())
_stamped = deque()  # lines that are not written yet: their times and texts
_unwritten = deque()  # the next writes: after an error that a signal's handler raised some are left
_stamping = RLock()  # A signal's handler may tell something while its thread stamps a line.
_writing = allocate_lock()  # Whoever has it writes for all. Nobody waits for it but at the end.
_descriptor = None
_path = None  # of the same pipe, for processes that do not inherit the descriptor
_identity = None  # device and inode of the pipe
_at_fork = []  # called in a forked child, in this order


def open_channel():
    """Finds the pipe that the environment names: by the descriptor, if it was inherited and is that pipe, else by its path. Gives
    whether there is one."""
    global _descriptor, _path, _identity
    number, _path = os.environ.get("TASKLAB_EVENTS", ""), os.environ.get("TASKLAB_EVENTS_FILE")
    found = identity_of(int(number)) if number.isdecimal() else None
    if _path is None and found is not None:
        # Nobody has given the pipe a path; the one to this process's descriptor holds as long as the process lives.
        _path = f"/proc/{os.getpid()}/fd/{number}"
    try:
        status = os.stat(_path) if _path else None
    except OSError:
        status = None
    _identity = status and (status.st_dev, status.st_ino)
    if _identity is None:
        return False
    if found == _identity:
        _descriptor = raised(int(number))
        if _path.startswith("/proc/"):
            _path = f"/proc/{os.getpid()}/fd/{_descriptor}"
        os.environ["TASKLAB_EVENTS_FILE"] = _path
    else:
        _open_again()
    if _descriptor is None:
        return False
    os.environ["TASKLAB_EVENTS"] = str(_descriptor)
    os.register_at_fork(after_in_child=_after_fork)
    return True


def is_open():
    """Whether anybody reads the lines."""
    return _descriptor is not None


def identity_of(number):
    """Device and inode of what this descriptor is; None if it is closed."""
    try:
        status = os.fstat(number)
        return status.st_dev, status.st_ino
    except (OSError, OverflowError):
        return None


def raised(number):
    """A duplicate with a high number that no program inherits. The low number is free for the program."""
    try:
        high = fcntl(number, F_DUPFD_CLOEXEC, HIGH)
    except OSError:
        os.set_inheritable(number, False)
        return number  # few descriptors are allowed
    os.close(number)
    return high


class Alarm:
    """An eventfd, which ends a wait. The program may close it, as daemons do, and open something else under its number: then it is dead."""

    def __init__(self):
        self.number = raised(os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK))
        self._identity = identity_of(self.number)

    def _is_ours(self):
        return identity_of(self.number) == self._identity

    def ring(self):
        if self._is_ours():
            os.eventfd_write(self.number, 1)

    def clear(self):
        try:
            if self._is_ours():
                os.eventfd_read(self.number)
        except BlockingIOError:
            pass  # It has not rung.

    def close(self):
        if self._is_ours():
            os.close(self.number)


def _open_again():
    """Opens the pipe by its path. The program may have closed our descriptor, as daemons do, or not have inherited it."""
    global _descriptor
    _descriptor = None
    try:
        number = os.open(_path, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return  # Nobody reads any more.
    os.set_blocking(number, True)
    if identity_of(number) != _identity:
        os.close(number)
        return
    _descriptor = raised(number)


def tell(kind, **keys):
    """Stamps a line. It is written by the next flush()."""
    if _descriptor is None:
        return
    text = ",".join([f'"{key}":{_encoded(value)}' for key, value in keys.items() if value is not None])
    with _stamping:  # so that the lines of a process are in order
        _stamped.append((monotonic_ns() - _began, f'"kind":"{kind}",{text}'))
    if len(_stamped) > MOST_STAMPED:
        flush()


def stamped():
    """How many lines are not written."""
    return len(_stamped)


def flush():
    """Writes the lines that are stamped, unless another thread is writing: then that one writes these, too."""
    while _stamped:
        for is_free in map(_writing.acquire, (False,)):  # not called: after a call, a signal's handler may raise an error
            break
        if not is_free:
            return
        try:
            _write_stamped()
        finally:
            _writing.release()


def flush_if_ready():
    """The same, if the pipe takes a line at once."""
    if _stamped and _descriptor is not None:
        pipe = select.poll()
        pipe.register(_descriptor, select.POLLOUT)
        if pipe.poll(0):
            flush()


def finish():
    """Writes what is left, at the end of the process."""
    if _writing.acquire(True, 2):
        try:
            _write_stamped()
        finally:
            _writing.release()


def close():
    """The same, and nothing more is told."""
    global _descriptor
    finish()
    _descriptor = None


def at_fork(function):
    """Has a function called in each forked child."""
    _at_fork.append(function)
    return function


class Whole:
    """A text of ours that is not cut."""

    def __init__(self, text):
        self.quoted = _quoted(text)


def scalar(value):
    """A value as it may stand in a line: numbers and texts as they are, small containers of them as a text, else the type's name.
    No method of the program's is called."""
    kind = type(value)
    if value is None or kind in (bool, int, float):
        return value
    if kind is str:
        return value
    if kind in (tuple, list) and len(value) <= 8 and all(type(part) in (bool, int, float, str) or part is None for part in value):
        return repr(value)
    return f"a {kind.__name__}"


def first_of(text):
    """The first line of a result."""
    return text.partition("\n")[0].rstrip()


def _encoded(value):
    if type(value) is str:
        return _quoted(value if len(value) <= LONGEST else value[: LONGEST - 1] + "…")
    if type(value) is Whole:
        return value.quoted
    if value is True or value is False:
        return "true" if value else "false"
    if type(value) is list:
        return f"[{','.join([_encoded(part) for part in value])}]"
    if type(value) is float and (value != value or value in (float("inf"), float("-inf"))):
        return f'"{value}"'
    if isinstance(value, int) and not -(1 << 63) <= value < 1 << 63:
        return f'"{value:#x}"'[:LONGEST]
    return repr(value) if isinstance(value, (int, float)) else _quoted(str(value)[:LONGEST])


def _write_stamped():
    """Whole lines with each write, so that the lines of several processes do not mix."""
    while _stamped or _unwritten:
        if not _unwritten:
            with _stamping:
                batch = [_stamped.popleft() for _ in range(min(BATCH, len(_stamped)))]
            texts = [b""]
            for t, line in batch:
                line = f'{{"t":{t},{line}}}\n'.encode(errors="replace")  # A name may hold half a character.
                if len(texts[-1]) + len(line) > PIPE_BUF:
                    texts.append(b"")
                texts[-1] += line
            _unwritten.extend(texts)
        _write()


def _write():
    """Writes the first of what is unwritten."""
    global _descriptor
    if _descriptor is None:
        _unwritten.popleft()
    # The program may have closed the descriptor, and have opened something of its own under the number.
    elif identity_of(_descriptor) != _identity:
        _open_again()
    else:
        text = _unwritten[0]
        try:
            for count in map(os.write, (_descriptor,), (text,)):
                break
            if count < len(text):
                _unwritten[0] = text[count:]
            else:
                _unwritten.popleft()
        except OSError as error:
            if error.errno is None:
                raise  # A signal's handler has raised it.
            if error.errno != errno.EBADF:
                _descriptor = None  # Nobody reads any more; the program goes on without telling.


def _after_fork():
    """Another thread of the parent's may have held a lock, and does not exist in the child. What is stamped the parent writes."""
    global _stamping, _writing
    _stamping, _writing = RLock(), allocate_lock()
    _stamped.clear()
    _unwritten.clear()
    for function in _at_fork:
        function()
