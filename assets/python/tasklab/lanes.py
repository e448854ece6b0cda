"""Lanes: which one a thread has, what the thread holds, and how much it reports."""

import os
import threading
import time

from .events import event, has_stamped, stamp, state, try_write, write
from .stepping import steps

own = threading.local()  # of the calling thread: its lane, what it holds (the latest last), and its pace


class Pace:
    """How much a task reports: a line for each of some 2,000 operations a second, and counts of those beyond."""

    MOST, FEW = 200, 10  # in 0.1 s: operations with lines of their own; operations up to which a task does little

    def __init__(self):
        self.since = self.reported = self.acquired = self.waited = 0

    def did(self, lane, has_waited):
        """Counts an operation. Gives whether it gets lines of its own."""
        now = time.monotonic()
        if now - self.since >= 0.1:
            self.since, self.reported = now, 0
            self.report(lane)
        self.reported += 1
        if self.reported > self.MOST:
            self.acquired += 1
            self.waited += has_waited
        return self.reported <= self.MOST

    def is_calm(self):
        """Whether the task has done little lately."""
        return self.reported <= self.FEW

    def report(self, lane):
        """Stamps the counts since the last time, if there are any."""
        if self.acquired:
            stamp("task.counts", task=lane, acquired=self.acquired, waited=self.waited)
            self.acquired = self.waited = 0


def lane():
    """The calling thread's lane. A thread that has none gets one under its own name."""
    if own_lane() is None:
        thread = threading.current_thread()
        started("main" if thread is threading.main_thread() else thread.name)
    return own.lane


def own_lane():
    """The calling thread's lane; None if it has none."""
    return getattr(own, "lane", None)


def write_stamped():
    """Writes the lines that the calling thread has stamped. While it holds something, it writes only if it does little, which makes
    a long hold visible at once, and if nobody has to wait for that; else it writes after the release."""
    if not has_stamped():
        return
    if own_lane() is None or not own.holds:
        write()
    elif own.pace.is_calm():
        try_write()


def holding():
    """The thing that the calling thread acquired last and still has; None if it has nothing. The thread must have a lane."""
    return own.holds[-1] if own.holds else None


def started(task, sort="thread"):
    """Opens a lane: a thread, process, coroutine, event or future. The primitives know a thread by its lane."""
    if sort in ("thread", "process"):
        own.lane, own.holds, own.pace = task, [], Pace()
        if task != "main":
            rename(task)
    event("task.started", task=task, sort=sort, pid=os.getpid(), tid=threading.get_native_id())


def rename(name):
    """Gives the calling thread a name in the kernel, for htop and the process tree (15 bytes at most)."""
    try:
        with open(f"/proc/self/task/{threading.get_native_id()}/comm", "wb") as comm:
            comm.write(name.encode(errors="replace")[:15])
    except OSError:
        pass


def sleep(seconds):
    """time.sleep(), shown in the calling thread's lane."""
    state(lane(), "sleeping")
    time.sleep(seconds)
    state(lane(), "running")


def checkpoint(operation):
    """Step mode's gate before an operation. The primitives have one before each of theirs; a script sets its own before
    what no primitive does. The first thread is never stopped."""
    if steps.active and threading.current_thread() is not threading.main_thread():
        steps.stop(lane(), operation, holding())
        write_stamped()


def finished(task, result="ok"):
    """Closes a lane."""
    if own_lane() == task:
        own.pace.report(task)
        steps.settled(task)
        own.lane = None
    event("task.finished", task=task, result=result)


def _after_fork():
    """The child's thread is not the parent's, and gets a lane of its own."""
    own.lane = None


os.register_at_fork(after_in_child=_after_fork)
