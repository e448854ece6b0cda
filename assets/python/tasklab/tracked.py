"""The common part of all primitives: they report each wait, each holder and each waker, and step mode stops their tasks."""

import collections
import threading
import time

from . import events
from .events import has_stamped, script_line, stamp_state, try_write
from .lanes import Pace, checkpoint, holding, lane, own, own_lane, write_stamped
from .stepping import steps


class Tracked:
    """A thing that tasks wait for: its name, the task that has it, and the tasks that wait. Its state is changed under a mutex, and
    its lines are stamped under it and written without it."""

    owned = False  # whether one task has it alone

    def __init__(self, kind, name, sides=1):
        self.on = f"{kind} {name}" if name else kind
        self.holder = None
        self.waiters = []
        self._lines = {}  # a task that waits: the line of the script in which it does
        self._mutex = threading.Lock()
        self._sides = [threading.Condition(self._mutex) for _ in range(sides)]  # where tasks wait for different changes

    def _perform(self, operation, attempt, timeout=None, blocking=True, holds=False, side=0, joins=False):
        """Does an operation as soon as the attempt can, which is made under the mutex. It gives a pair: the result, and the task
        without which it could not have been done, if that is known; or None while it can't. Gives the result, or None if the time
        ran out. An operation without a name has no gate. One that joins other tasks has to wait among them: then step mode does
        not make the attempt again."""
        if not is_watched():
            with self._mutex:
                if done := attempt():
                    self.holder = lane() if self.owned else None
                    return done[0]
        name = lane()
        if operation:
            checkpoint(f"{operation} {self.on}")
        is_told, line = is_reported(), line_to_tell()
        with self._mutex:
            done, waited = attempt(), False
            if not done and blocking:
                waited = True
                self.waiters.append(name)
                self._lines[name] = line
                steps.waits[name] = (self,)  # a new tuple for each wait: deadlock() tells two waits apart by it
                if is_told:
                    stamp_state(name, "waiting", on=self.on, held_by=self.holder, line=line)
                try:
                    done = self._sleep(name, attempt, None if timeout is None else time.monotonic() + timeout, side, joins)
                finally:
                    steps.waits.pop(name, None)
                    self.waiters.remove(name)
                    self._lines.pop(name, None)
            if done and holds:
                self.holder = name if self.owned else None
                own.holds.append(self.on)
            if (done and holds or waited) and (own.pace.did(name, waited) or waited and is_told):
                stamp_state(name, "running", on=holding(), woken_by=done[1] if done and waited else None, line=line)
                for other in list(self.waiters) if self.holder else []:
                    if self in steps.waits.get(other, ()):
                        stamp_state(other, "waiting", on=self.on, held_by=name, line=self._lines.get(other))
        if waited:
            steps.moves([name])
        write_stamped()
        return done[0] if done else None

    def _sleep(self, name, attempt, deadline, side, joins):
        """Waits until the attempt can do it. Gives what it gave; None after the deadline. The caller has the mutex."""
        is_stopped = not joins and threading.current_thread() is not threading.main_thread()
        next_write = None
        while not (done := attempt()):
            now = time.monotonic()
            if deadline is not None and now >= deadline:
                return None
            if next_write is None or has_stamped() and now >= next_write:
                # The task that lets this one go on needs the mutex, and does not wait for the reader of the lines.
                is_first, next_write = next_write is None, now + 0.01
                self._mutex.release()
                try:
                    if has_stamped():
                        try_write()
                    if is_first and is_stopped:
                        done = steps.sleep(name, lambda: self._locked(attempt), deadline)
                    if is_first and not done:
                        steps.settled(name)
                finally:
                    self._mutex.acquire()
                if done:
                    return done
                continue
            until = min(deadline or next_write, next_write) if has_stamped() else deadline
            self._sides[side].wait(None if until is None else max(0, until - now))
        return done

    def _locked(self, attempt):
        with self._mutex:
            return attempt()

    def _let_go(self, line):
        """The calling thread has it no more; nor has any other task that had it alone. The caller has the mutex."""
        name, self.holder = lane(), None
        if own.holds and self.on in own.holds:
            own.holds.remove(self.on)
            if is_reported():
                stamp_state(name, "running", on=holding(), line=line)

    def __enter__(self):
        self.acquire()
        return self

    def __exit__(self, *error):
        self.release()


def is_reported():
    """Whether an operation of the calling thread would get lines of its own now. The thread must have a lane."""
    return events.descriptor is not None and own.pace.reported < Pace.MOST


def line_to_tell():
    """The line of the script, if an operation would get lines. To be looked up before the thread holds anything that others want."""
    return script_line() if own_lane() and is_reported() else None


class Freed:
    """Free places that tasks may wait for, and for each the task that freed it, the longest free first. A task that waits finds none,
    so that the first one which is freed from then on lets it go on. Those that were free from the start stand before all others."""

    def __init__(self, count):
        self.count = count
        self._by = collections.deque()

    def add(self, by, count=1):
        self.count += count
        self._by.extend([by] * count)

    def take(self):
        """Takes one. Gives the task that freed it, if that is known."""
        by = self._by.popleft() if self.count == len(self._by) else None
        self.count -= 1
        return by


def is_watched():
    """Whether anybody reads the lines, or step mode is on. If not, a primitive may do without its tracking."""
    return events.descriptor is not None or steps.active


def deadlock():
    """The tasks that wait for one another in a circle, as pairs of a task and what it waits for; empty if there is none."""
    seen = dict(steps.waits)
    for first in seen:
        circle, name = {}, first
        while name in seen and name not in circle:
            thing, = seen[name]
            circle[name] = thing.on
            name = thing.holder
        # A second look: all these waits must have lasted together.
        if name == first and all(steps.waits.get(who) is seen[who] for who in circle):
            return list(circle.items())
    return []
