"""The primitives of threading by which threads wait for one another."""

import threading
import time

from . import events
from .lanes import checkpoint, lane, own
from .stepping import steps
from .tracked import Tracked

BrokenBarrierError = threading.BrokenBarrierError


class Lock(Tracked):
    """threading.Lock: one holder, no owner check. lock.holder is the name of the task that acquired it."""

    owned = True

    def __init__(self, name=""):
        super().__init__("lock", name)
        self._lock = threading.Lock()

    def acquire(self, blocking=True, timeout=-1):
        # A free lock costs little where nobody watches: not even a call of is_watched().
        if events.descriptor is None and not steps.active and self._lock.acquire(False):
            self.holder = lane()
            return True
        wait = None if timeout < 0 else timeout
        return self._perform("acquire" if blocking else "try to acquire", lambda: self._lock.acquire(False),
                             lambda left: self._lock.acquire(True, -1 if left is None else left), wait, blocking, holds=True)

    def release(self):
        if steps.active:
            checkpoint(f"release {self.on}")
        if self._lock.locked():
            self._let_go()
        self._lock.release()  # RuntimeError if it is not held
        if steps.active:
            steps.moves(self.waiters[:1])

    def locked(self):
        return self._lock.locked()


class Semaphore(Tracked):
    """threading.Semaphore: places, and no owner."""

    def __init__(self, name="", value=1):
        super().__init__("semaphore", name)
        self._semaphore = threading.Semaphore(value)

    def acquire(self, blocking=True, timeout=None):
        return self._perform("acquire" if blocking else "try to acquire", lambda: self._semaphore.acquire(False),
                             lambda left: self._semaphore.acquire(True, left), timeout, blocking, holds=True)

    def release(self, n=1):
        checkpoint(f"release {self.on}")
        self._let_go()
        self._semaphore.release(n)
        steps.moves(self.waiters[:n])


class Event(Tracked):
    """threading.Event: a flag that wakes all who wait."""

    def __init__(self, name=""):
        super().__init__("event", name)
        self._event = threading.Event()
        self.is_set, self.clear = self._event.is_set, self._event.clear

    def set(self):
        checkpoint(f"set {self.on}")
        self._event.set()
        steps.moves(list(self.waiters))

    def wait(self, timeout=None):
        return self._perform("wait for", self._event.is_set, self._event.wait, timeout) or False


class Barrier(Tracked):
    """threading.Barrier: all parties go on together, or all get BrokenBarrierError."""

    def __init__(self, name, parties, action=None, timeout=None):
        super().__init__("barrier", name)
        self._barrier = threading.Barrier(parties, action, timeout)
        self.parties = parties

    def wait(self, timeout=None):
        def last():
            """Passes at once if all the others wait already, or if it is broken."""
            if self._barrier.broken or self._barrier.n_waiting == self.parties - 1:
                place = self._barrier.wait(timeout)
                steps.moves(list(self.waiters))
                return place + 1
            return None

        return self._perform("wait at", last, lambda left: self._barrier.wait(timeout) + 1, timeout, joins=True) - 1

    def reset(self):
        self._barrier.reset()

    def abort(self):
        self._barrier.abort()

    broken = property(lambda self: self._barrier.broken)
    n_waiting = property(lambda self: self._barrier.n_waiting)


class Condition(Tracked):
    """threading.Condition: a lock, and the threads that wait until they are notified."""

    def __init__(self, name=""):
        super().__init__("condition", name)
        self.lock = Lock(name)
        self._condition = threading.Condition(self.lock._lock)
        self.acquire, self.release = self.lock.acquire, self.lock.release

    def wait(self, timeout=None):
        """Releases the lock, sleeps until notified, and acquires the lock again. False if the time ran out."""
        def block(left):
            self.lock._let_go()
            try:
                return self._condition.wait(left)
            finally:
                self.lock.holder = lane()
                own.holds.append(self.lock.on)

        if not self.lock.locked():
            raise RuntimeError("cannot wait on un-acquired lock")
        return self._perform("wait for", lambda: None, block, timeout, joins=True)

    def wait_for(self, predicate, timeout=None):
        end = None if timeout is None else time.monotonic() + timeout
        while not (result := predicate()) and (end is None or time.monotonic() < end):
            self.wait(None if end is None else max(0, end - time.monotonic()))
        return result

    def notify(self, n=1):
        checkpoint(f"notify {self.on}")
        self._condition.notify(n)
        steps.moves(self.waiters[:n])

    def notify_all(self):
        self.notify(len(self.waiters))
