"""The primitives of threading by which threads wait for one another."""

import threading
import time

from . import events
from .lanes import checkpoint, lane, own_lane, write_stamped
from .stepping import steps
from .tracked import Freed, Tracked, line_to_tell

BrokenBarrierError = threading.BrokenBarrierError


class Lock(Tracked):
    """threading.Lock: one holder, no owner check. lock.holder is the name of the task that acquired it."""

    owned = True

    def __init__(self, name=""):
        super().__init__("lock", name)
        self._lock = threading.Lock()
        self._released_by = None

    def _attempt(self):
        return (True, self._released_by) if self._lock.acquire(False) else None

    def acquire(self, blocking=True, timeout=-1):
        # A free lock costs little where nobody watches: not even a call of is_watched().
        if events.descriptor is None and not steps.active and self._lock.acquire(False):
            self.holder = lane()
            return True
        wait = None if timeout < 0 else timeout
        return self._perform("acquire" if blocking else "try to acquire", self._attempt, wait, blocking, holds=True) or False

    def _acquire_again(self):
        """Acquires it after the wait on a condition, which has had its gate."""
        self._perform(None, self._attempt, holds=True, joins=True)

    def release(self):
        if steps.active:
            checkpoint(f"release {self.on}")
        self._release()

    def _release(self):
        line = line_to_tell()
        with self._mutex:
            if self._lock.locked():
                self._let_go(line)
                self._released_by = own_lane()
            self._lock.release()  # RuntimeError if it is not held
            self._sides[0].notify()
        write_stamped()
        if steps.active:
            steps.moves(self.waiters[:1])

    def locked(self):
        return self._lock.locked()


class Semaphore(Tracked):
    """threading.Semaphore: places, and no owner."""

    def __init__(self, name="", value=1):
        super().__init__("semaphore", name)
        self._free = Freed(value)

    def acquire(self, blocking=True, timeout=None):
        return self._perform("acquire" if blocking else "try to acquire", self._attempt, timeout, blocking, holds=True) or False

    def _attempt(self):
        return (True, self._free.take()) if self._free.count else None

    def release(self, n=1):
        if n < 1:
            raise ValueError("n must be one or more")
        checkpoint(f"release {self.on}")
        line = line_to_tell()
        with self._mutex:
            self._let_go(line)
            self._free.add(own_lane(), n)
            self._sides[0].notify(n)
        write_stamped()
        steps.moves(self.waiters[:n])


class _Turn:
    """The wait of those who wait together: how it ended, and by whom."""

    end = by = None


class Event(Tracked):
    """threading.Event: a flag that wakes all who wait."""

    def __init__(self, name=""):
        super().__init__("event", name)
        self._is_set, self._turn = False, _Turn()

    def is_set(self):
        return self._is_set

    def set(self):
        checkpoint(f"set {self.on}")
        with self._mutex:
            if not self._is_set:
                self._is_set = True
                self._turn.end, self._turn.by = True, own_lane()
            self._sides[0].notify_all()
        steps.moves(list(self.waiters))

    def clear(self):
        with self._mutex:
            if self._is_set:
                self._is_set, self._turn = False, _Turn()

    def wait(self, timeout=None):
        mine = []  # its turn: the flag may be down again before a waiter that it woke looks

        def attempt():
            if not mine:
                mine.append(self._turn)
            return (True, mine[0].by) if mine[0].end else None

        return self._perform("wait for", attempt, timeout) or False


class Barrier(Tracked):
    """threading.Barrier: all parties go on together, or all get BrokenBarrierError."""

    def __init__(self, name, parties, action=None, timeout=None):
        super().__init__("barrier", name)
        self.parties, self._action, self._timeout = parties, action, timeout
        self.n_waiting, self.broken, self._turn = 0, False, _Turn()

    def wait(self, timeout=None):
        mine = []  # its place and its turn, once it has come

        def attempt():
            if not mine and self.broken:
                return "broken", None
            if not mine:
                mine.extend((self.n_waiting, self._turn))
                self.n_waiting += 1
                if self.n_waiting == self.parties:
                    self._open()
            return (mine[1].end, mine[1].by) if mine[1].end else None

        end = self._perform("wait at", attempt, self._timeout if timeout is None else timeout, joins=True)
        if end == "open" and mine[0] == self.parties - 1:
            steps.moves(list(self.waiters))
        if not end:
            with self._mutex:
                end = mine[1].end or self._break()
        if end == "broken":
            raise BrokenBarrierError
        return mine[0]

    def _open(self):
        """The last one has come: it calls the action, and all go on."""
        try:
            if self._action:
                self._action()
        except BaseException:
            self._break()
            raise
        self._end_turn("open")

    def _break(self):
        self.broken = True
        return self._end_turn("broken")

    def _end_turn(self, end):
        """Those who wait go on. The caller has the mutex."""
        turn, self._turn, self.n_waiting = self._turn, _Turn(), 0
        turn.end, turn.by = end, own_lane()
        self._sides[0].notify_all()
        return end

    def reset(self):
        with self._mutex:
            self.broken = False
            self._end_turn("broken")

    def abort(self):
        with self._mutex:
            self._break()


class Condition(Tracked):
    """threading.Condition: a lock, and the threads that wait until they are notified."""

    def __init__(self, name=""):
        super().__init__("condition", name)
        self.lock = Lock(name)
        self.acquire, self.release = self.lock.acquire, self.lock.release
        self._turns = []  # of those who wait and are not notified, the longest first

    def wait(self, timeout=None):
        """Releases the lock, sleeps until notified, and acquires the lock again. False if the time ran out."""
        if not self.lock.locked():
            raise RuntimeError("cannot wait on un-acquired lock")
        checkpoint(f"wait for {self.on}")
        turn = _Turn()
        with self._mutex:
            self._turns.append(turn)
        self.lock._release()
        try:
            return self._perform(None, lambda: (True, turn.by) if turn.end else None, timeout, joins=True) or False
        finally:
            with self._mutex:
                if turn in self._turns:
                    self._turns.remove(turn)
            self.lock._acquire_again()

    def wait_for(self, predicate, timeout=None):
        end = None if timeout is None else time.monotonic() + timeout
        while not (result := predicate()) and (end is None or time.monotonic() < end):
            self.wait(None if end is None else max(0, end - time.monotonic()))
        return result

    def notify(self, n=1):
        checkpoint(f"notify {self.on}")
        if not self.lock.locked():
            raise RuntimeError("cannot notify on un-acquired lock")
        with self._mutex:
            woken, self._turns = self._turns[:n], self._turns[n:]
            for turn in woken:
                turn.end, turn.by = True, own_lane()
            self._sides[0].notify_all()
        steps.moves(self.waiters[:n])

    def notify_all(self):
        self.notify(len(self._turns))
