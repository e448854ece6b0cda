"""Lanes: one for each task, with what it holds and what it waits for. They tell their states, at a pace that the reader can follow."""

import os
import select
import sys
from _thread import _local, allocate_lock, get_ident, get_native_id
from time import monotonic

from . import lines
from .frames import is_theirs, script_line
from .lines import flush, tell

YOU = "you"  # the person who acts, as the waker or the holder of something
MOST_HELD = 64  # things that a task holds and that are known
BURST, STEADY = 200, 20  # operations of a task with lines of their own: at once, and in each 0.1 s from then on
MANY = 8  # times that a lock is taken without a line, after which it becomes quiet; and in 0.1 s, for it to stay so
FEWER = 2  # what STEADY is for tasks that take such locks
CROWD = 4  # tasks up to which each may have so many: more of them share what these have
FEW, BATCH = 10, 32  # operations in 0.1 s up to which a task does little; lines of one that does more, before they are written
# The name of the first thread's lane: the first Python of a stage is called main, or as Task Lab says. What it starts inherits neither.
FIRST = os.environ.pop("TASKLAB_TASK", None if "TASKLAB_ABOVE" in os.environ else "main")
_above, _, _given = os.environ.get("TASKLAB_ABOVE", "").partition(":")
GIVEN = _given if _above == str(os.getppid()) else None  # the name that the Python above has for this process
os.environ["TASKLAB_ABOVE"] = str(os.getpid())

own = _local()  # of the calling thread: its lane
_all = set()  # lanes of threads that are not over
_sleeping = allocate_lock()  # held to change who sleeps so that a person can end it
_used = set()  # names that lanes have or had
_taken = set()  # names of lanes that are not over
_process = ""  # stands before the names of threads, but in the first process
_at_end = []  # functions that are called with a lane that ends
postponed = []  # functions to call when the program next waits or does something
children = 0  # forked by the program itself
steps = None  # step mode, while it is on


class Lane:
    """The lane of one task."""

    __slots__ = (
        "name", "ident", "tid", "holds", "only", "wait", "late", "untold", "alarm", "is_asking", "inside", "will_end",
        "since", "told", "left", "until", "acquired", "waited", "does_much",
    )

    def __init__(self, name):
        self.name = name
        self.holds = []  # things, the latest last
        self.only = None  # a lock's thing, held before those: it was taken while nothing was held, and no line tells of it
        self.wait = None
        self.late = None  # its wait for a quiet lock, found by a look
        self.untold = None  # its wait, each time that it is too short and too frequent for lines
        self.alarm = None  # ends its sleep
        self.is_asking = False  # whether it waits for a line of input
        self.ident, self.tid = get_ident(), get_native_id()
        self.inside = self.will_end = False  # for step mode: an operation of several parts runs; somebody is told once its work is done
        self.does_much = False  # takes quiet locks
        self.left = BURST  # operations that may still have lines
        self.until = 0  # up to this time operations have no lines, and are counted
        self.since = self.told = self.acquired = self.waited = 0

    def tells(self, has_waited=False, times=1):
        """Counts an operation, so many times. Gives whether it gets lines of its own."""
        now = monotonic()
        if now - self.since >= 0.1:
            steady = max(1, (FEWER if self.does_much else STEADY) * CROWD // max(CROWD, len(_all)))
            self.does_much = False
            self.left = min(BURST, self.left + int((now - self.since) * 10) * steady) if self.since else BURST
            self.since, self.told, self.until = now, 0, 0
            if self.acquired:
                self.report()
        if self.left > 0:
            self.left -= 1
            self.told += 1
            return True
        self.until = self.since + 0.1
        self.acquired += times
        self.waited += has_waited
        return False

    def hold(self, thing):
        """The task has acquired a thing that another one may release."""
        if len(self.holds) >= MOST_HELD:
            del self.holds[0]
        self.holds.append(thing)

    def let_go(self, thing):
        """The task has it no more."""
        if self.only is thing:
            self.only = None
        elif thing in self.holds:
            self.holds.remove(thing)

    def report(self):
        """Tells the counts since the last time, if there are any."""
        if self.acquired:
            tell("task.counts", task=self.name, acquired=self.acquired, waited=self.waited)
            self.acquired = self.waited = 0

    def state(self, word, on=None, held_by=None, woken_by=None, line=None, at_most=None):
        """Tells how the task is."""
        tell("task.state", task=self.name, state=word, on=on, held_by=held_by, woken_by=woken_by, line=line, at_most=at_most)

    def runs(self, woken_by=None, line=None):
        """Tells that the task runs, with what it holds."""
        held = self.holds[-1] if self.holds else self.only
        self.state("running", held and held.on, None, woken_by, line)

    def sleep(self, seconds):
        """Sleeps until somebody calls end_sleep(). False where that cannot be."""
        try:
            alarm = lines.Alarm()
        except OSError as error:
            if is_theirs(error):
                raise
            return False
        try:
            if alarm.number >= 1024:  # more than select() takes
                return False
            self.alarm = alarm
            select.select([alarm.number], [], [], seconds)
            return True
        finally:
            with _sleeping:
                self.alarm = None
                alarm.close()

    def end_sleep(self):
        """Ends its sleep. False if it does not sleep, or not so that it can be ended."""
        with _sleeping:
            if self.alarm is None:
                return False
            self.alarm.ring()
            return True


class Wait:
    """A wait of a task: what it is for, who has that, until when at most, whether lines tell of it, and of which holder. `lock` is one of
    ours, which knows its holder; `woken_by` is set by who ends it; `times` changes when the task begins the same wait again."""

    __slots__ = ("lane", "on", "held_by", "word", "until", "line", "is_told", "told_of", "lock", "woken_by", "times")

    def __init__(self, lane, on, held_by, word, at_most):
        self.lane, self.on, self.held_by, self.word = lane, on, held_by, word
        self.until = monotonic() + at_most if type(at_most) in (int, float) and at_most >= 0 else None
        self.line = self.told_of = self.lock = self.woken_by = None
        self.is_told = False
        self.times = 1

    def tell(self):
        """Tells what the task waits for."""
        lock = self.lock
        if lock is not None and (holder := lock.holder()) is not None:
            self.held_by = holder.name
        self.is_told, self.told_of = True, self.held_by
        at_most = None if self.until is None else max(0, round(self.until - monotonic(), 3))
        self.lane.state(self.word, self.on, self.held_by, None, self.line, at_most)

    def tell_late(self):
        """The same, by another thread, after a while. If the task goes on meanwhile, the line that says so comes last."""
        if not is_alive(self.lane):
            return
        self.tell()
        now = self.lane.wait or self.lane.late
        if now is None:
            self.lane.runs()
        elif now is not self and now.is_told:
            now.tell()


def all_lanes():
    """The lanes of this process's threads."""
    return list(_all)


def is_alive(lane):
    """Whether its thread is not over."""
    return lane in _all


def is_used(name):
    """Whether a lane has or had this name."""
    return f"{_process}{name}" in _used


def name_thread(name):
    """Gives the calling thread a name in the kernel (15 bytes at most)."""
    # Not open(): the program may have put another one into its place, and the name may be none in its encoding.
    try:
        comm = os.open(f"/proc/self/task/{get_native_id()}/comm", os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.write(comm, name.encode(errors="replace")[:15])
        finally:
            os.close(comm)
    except Exception:  # An audit hook of the program's may forbid it.
        pass


def current():
    """The calling thread's lane. One that the program has not made gets one under its own name."""
    try:
        return own.lane
    except AttributeError:
        return _adopted()


def known():
    """The name of the calling thread's lane; None if it has none."""
    lane = getattr(own, "lane", None)
    return lane and lane.name


def _adopted():
    threading = sys.modules.get("threading")
    thread = threading and getattr(threading, "_active", {}).get(get_ident())
    if get_native_id() == os.getpid():
        return begin(unnamed(), "process" if _process else "thread")
    return begin(unique(thread.name if thread else f"thread-{get_native_id()}"))


def unnamed():
    """The name of a process that the program has not named."""
    script = os.path.basename(sys.argv[0]) if getattr(sys, "argv", None) else ""
    script = script.removesuffix(".py") if script not in ("", "-c", "-") else "python"
    return f"{script}-{os.getpid()}"


def unique(name):
    """A name that no lane has that is not over: with the process before it, and a number behind it."""
    return unique_process(f"{_process}{name}")


def numbered(name):
    """A name with a number, from 1."""
    return _next(f"{_process}{name}", 1)


def again(name):
    """A name that no lane has or had: the first time as it is, then with a number, from 2."""
    name = f"{_process}{name}"
    return _take(name) if name not in _used else _next(name, 2)


def _next(name, count):
    while f"{name}-{count}" in _used:
        count += 1
    return _take(f"{name}-{count}")


def _take(name):
    _used.add(name)
    _taken.add(name)
    return name


def unique_process(name):
    """A name for a process that no other task of this one has. That of a lane that is over may be taken again."""
    free, count = name, 1
    while free in _taken:
        count += 1
        free = f"{name}-{count}"
    return _take(free)


def is_over(name):
    """The lane of this name is over."""
    _taken.discard(name)


def begin(name, sort="thread"):
    """Opens the lane of the calling thread."""
    own.lane = lane = Lane(name)
    _all.add(lane)
    _take(name)
    tell("task.started", task=name, sort=sort, pid=os.getpid(), tid=get_native_id())
    flush()
    return lane


def begin_process(name):
    """Opens the lane of a process in its first thread. Its other threads have its name before theirs."""
    global _process
    _process = f"{name}/"
    _used.clear()
    _taken.clear()
    return begin(name, "process")


def child_name():
    """The name of the next process that the calling one forks: child-2, and below it child-2.1."""
    global children
    children += 1
    above = _process.removesuffix("/")
    return f"{above}.{children}" if above.startswith("child-") else f"{above or 'child'}-{children}"


def at_end(function):
    """Has a function called with each lane that ends, before it does."""
    _at_end.append(function)
    return function


def end(result="ok"):
    """Closes the lane of the calling thread."""
    lane = getattr(own, "lane", None)
    if lane is not None:
        for function in _at_end:
            function(lane)
        lane.report()
        tell("task.finished", task=lane.name, result=result)
        if (stepping := steps) is not None:
            stepping.ends(lane)
        del own.lane
        _all.discard(lane)
        is_over(lane.name)
        flush()


def end_others():
    """The process ends, and with it all that has not."""
    for lane in all_lanes():
        if lane is not getattr(own, "lane", None):
            lane.report()
            # A thread of the library's own, such as a pool's, is over and has not said so.
            lives = os.path.exists(f"/proc/self/task/{lane.tid}")
            tell("task.finished", task=lane.name, result="ended with the process" if lives else "ok")


def rename(lane, name, tid):
    """The thread of this lane has another name from now on."""
    is_over(lane.name)
    lane.name = unique(name)
    tell("task.started", task=lane.name, sort="thread", pid=os.getpid(), tid=tid)


def wait_begins(on, held_by=None, word="waiting", at_most=None):
    """The calling thread begins to wait, perhaps for so many seconds. Gives the wait, for wait_ends()."""
    do_postponed()
    lane = current()
    outer = lane.wait
    if outer is not None:
        wait_ends(outer, outer.woken_by)  # a wait inside another: the outer one is over, and the thread takes a lock again
    lane.wait = wait = Wait(lane, on, held_by, word, at_most)
    if lane.tells(True):
        wait.line = script_line()
        wait.tell()
    lane.until = 0  # its operations are parts of the wait
    if lines.stamped():
        write(lane)
    if (stepping := steps) is not None:
        stepping.settled(lane)
    return wait


def untold_wait():
    """A wait of the calling thread, where it does too much to tell all; else None. The thread has one for all of these."""
    lane = getattr(own, "lane", None)
    if lane is None or lane.wait is not None or steps is not None or postponed or monotonic() >= lane.until:
        return None
    lane.acquired += 1
    lane.waited += 1
    if (wait := lane.untold) is None:
        wait = lane.untold = Wait(lane, None, None, "waiting", -1)
    wait.times += 1
    return wait


def wait_ends(wait, woken_by=None):
    """The task goes on."""
    lane = wait.lane
    if lane.wait is wait:
        lane.wait = None
        if wait.is_told:
            lane.runs(woken_by, wait.line)
            write(lane)
        if (stepping := steps) is not None:
            stepping.resumes(lane)


def write(lane):
    """Writes what is stamped. While the task holds something, it writes only if it does little, which makes a long hold visible at
    once, and if nobody has to wait for that; else it writes after the release, and where it does much, several lines at once."""
    if lane.holds or lane.only is not None:
        if lane.told <= FEW:
            lines.flush_if_ready()
    elif lane.told <= FEW or lane.wait is not None or lines.stamped() >= BATCH:
        flush()


def do_postponed():
    """Does what could not be done at once."""
    while postponed:
        postponed.pop()()


def operation(do, on, result=None, times=1):
    """Tells of an operation on a thing that is finished, and what it gave; or counts it, so many times."""
    do_postponed()
    lane = current()
    if lane.tells(False, times):
        tell("op", task=lane.name, do=do, on=on, result=lines.scalar(result), line=script_line())
        write(lane)


def operate(do, on, function, *arguments):
    """Does an operation on a thing, and tells of it."""
    try:
        result = function(*arguments) if (stepping := steps) is None else stepping.operated(do, on, function, *arguments)
    except Exception as error:
        operation(do, on, type(error).__name__)
        raise
    operation(do, on, result)
    return result


@lines.at_fork
def _after_fork():
    """The child's thread is not the parent's, and gets a lane of its own."""
    global _process, _sleeping, children
    children, _sleeping = 0, allocate_lock()
    if hasattr(own, "lane"):
        del own.lane
    _used.clear()
    _taken.clear()
    _all.clear()
    _process = f"{unnamed()}/"
