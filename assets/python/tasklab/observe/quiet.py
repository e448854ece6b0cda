"""Quiet locks. Where a lock is taken very often, a step of Python's between one thread's release and another's acquire makes threads wait
for one another that don't without us. So the `with` of such a lock is done in C alone for a second, by iterators that count."""

import sys
from _collections import defaultdict, deque
from _operator import itemgetter
from _thread import get_ident
from itertools import count, repeat
from time import monotonic

from . import lanes, lines
from .lanes import Wait
from .lines import tell

LONGEST = 1.0  # seconds for which a lock is quiet

_is_looked_at = False  # nothing becomes quiet where nobody looks
_records = {}  # the thing of a lock: its record


class _Record:
    """Who has asked for a lock and who has got it, by the numbers of threads, while it was quiet."""

    def __init__(self, lock):
        self.lock, self.real = lock._thing.thing, lock._real
        self.asked, self.got, self.last = defaultdict(count), defaultdict(count), deque(maxlen=1)
        me = iter(get_ident, 0)
        # zip() asks one after the other. No other thread comes between what follows acquire(), as no step is Python's.
        parts = (
            map(next, map(self.asked.__getitem__, me)),
            map(lock._acquire, repeat(True)),
            map(next, map(self.got.__getitem__, me)),
            map(self.last.append, me),
        )
        self.until = 0  # when the lock ceases to be quiet
        self.take = map(itemgetter(1), zip(*parts)).__next__
        self.told = {}  # the number of a thread: how often it had got the lock at the last look
        self.held = None  # the lane that had the lock at the last look, and how often it had got it
        self.is_told = False  # that it has it, since it has it for long

    def ends(self):
        """The lock is not quiet any more."""
        if (lock := self.lock()) is not None:
            lock.becomes(False)

    def counts(self):
        """The numbers of the threads that have got it, and how often."""
        return {ident: _value(n) for ident, n in self.got.copy().items()}

    def waiting(self):
        """The numbers of the threads that wait for it, and how often they have asked."""
        asked = {ident: _value(n) for ident, n in self.asked.copy().items()}
        got = self.counts()
        # Where the difference is more than one, an error of a signal's handler has ended a wait.
        return {ident: n for ident, n in asked.items() if n == got.get(ident, 0) + 1} if self.real.locked() else {}

    def holder(self):
        """The lane of the thread that has it; None if nobody has, or a thread without a lane."""
        lock = self.lock()
        known = lock and lock._holder  # It has taken it while it was not quiet.
        if known is None and self.last and self.real.locked():
            return _lane_of(self.last[0])
        return known


def _value(n):
    """Of a count: what it gives next."""
    return int(repr(n)[len("count(") : -1])


class Kind(type):
    """The class of a class whose __enter__ and __exit__ are slots: `with` finds what an object has there without a step of Python's. Whoever
    asks the class for such a method, as contextlib does, gets a function."""

    __enter__ = property(lambda cls: lambda lock: lock._take())
    __exit__ = property(lambda cls: lambda lock, *error: lock._leave(*error))


def allow(is_looked_at):
    """Says whether somebody looks from now on."""
    global _is_looked_at
    has_gil = getattr(sys, "_is_gil_enabled", lambda: True)()  # else two threads would be in one iterator
    _is_looked_at = is_looked_at and has_gil
    if not is_looked_at:
        end_all()


def begin(lock):
    """The lock becomes quiet, if that may be."""
    if not _is_looked_at or lanes.steps is not None:
        return
    record = _records.get(lock._thing)
    if record is None:
        record = _records[lock._thing] = _Record(lock)
    record.until = monotonic() + LONGEST
    lock._take, lock._leave = record.take, lock._real.__exit__
    lock.becomes(True)


def end_all():
    """No lock is quiet any more. What is known of them is kept for the looks."""
    for record in list(_records.values()):
        record.ends()


def holder(thing):
    """The lane of the thread that has a lock, if it has taken it while that was quiet."""
    record = _records.get(thing)
    return record and record.holder()


def _lane_of(ident):
    return next((lane for lane in lanes.all_lanes() if lane.ident == ident), None)


def look():
    """Tells what quiet locks do not: how often each task has got them, who waits for one, and who has one for long."""
    waits, going = {}, set()  # lanes and their waits; lanes of which is told that they run, unless they wait
    for thing, record in list(_records.items()):
        new = _tell_counts(record, going)
        if new < lanes.MANY or monotonic() > record.until:
            record.ends()
        waiting = record.waiting()
        for ident, times in waiting.items():
            if (lane := _lane_of(ident)) is not None:
                waits[lane] = _wait_of(lane, thing, record, times)
        _look_at_holder(thing, record, going)
        if not new and not waiting and record.held is None:
            del _records[thing]
    for lane in lanes.all_lanes():
        before, lane.late = lane.late, waits.get(lane)
        if lane in going or before is not None and before.is_told and lane.late is not before:
            _tell_running(lane)


def _tell_counts(record, going=(), only=None):
    """Gives how many are new."""
    counts = record.counts()
    new = {ident: n - record.told.get(ident, 0) for ident, n in counts.items() if only is None or ident == only}
    for ident, n in new.items():
        if n and (lane := _lane_of(ident)) is not None:
            tell("task.counts", task=lane.name, acquired=n)
            record.told[ident] = counts[ident]
            if not lane.does_much and only is None:
                lane.does_much = True
                going.add(lane)  # Its last word may be that it waits.
    return sum(new.values())


@lanes.at_end
def _tell_last_counts(lane):
    for record in list(_records.values()):
        _tell_counts(record, only=lane.ident)


def _wait_of(lane, thing, record, times):
    """The wait of a lane for a quiet lock: the same as at the last look, if it still is."""
    wait = lane.late
    if wait is None or wait.lock is not record or wait.times != times:
        wait = Wait(lane, thing.on, None, "waiting", -1)
        wait.lock, wait.times = record, times
    return wait


def _look_at_holder(thing, record, going):
    lane = record.holder()
    held = lane and (lane, record.counts().get(lane.ident))
    if held != record.held:
        if record.is_told:
            record.is_told = False
            record.held[0].let_go(thing)
            going.add(record.held[0])
    elif held is not None and not record.is_told and lane.only is not thing and thing not in lane.holds:
        record.is_told = True
        lane.hold(thing)
        going.add(lane)
    record.held = held


def _tell_running(lane):
    """Tells that a lane runs, unless it waits by now."""
    if lane.wait is None and lane.late is None and lanes.is_alive(lane):
        lane.runs()
        if (wait := lane.wait) is not None and wait.is_told:
            wait.tell()


@lines.at_fork
def _after_fork():
    """The child has one thread, and nobody looks."""
    global _is_looked_at
    _is_looked_at = False
    end_all()
    _records.clear()
