"""Quiet locks. Where a lock is taken very often, a step of Python's between one thread's release and another's acquire makes threads wait
for one another that don't without us. So the `with` of such a lock is done in C alone for a second, by iterators that count."""

import select
import sys
from _collections import defaultdict, deque
from _operator import mul, setitem
from _thread import get_ident
from itertools import count, repeat
from time import monotonic

from . import lanes, lines
from .frames import is_ours
from .lanes import MANY, Wait
from .lines import tell

LONGEST = 1.0  # seconds for which a lock is quiet

GIVES_WAY = 0.001, 100  # seconds between two looks whether a person has got a lock, and how many looks

wanted = set()  # things of locks that a person is about to take: whoever lets one go leaves it to that one
_is_looked_at = False  # nothing becomes quiet where nobody looks
_records = {}  # the thing of a lock that is quiet, or was at the last look: its record


class _Record:
    """Who has asked for a lock and who has got it, by the numbers of threads, while it was quiet."""

    def __init__(self, lock):
        self.lock, self.real = lock._thing.thing, lock._real
        self.asked = defaultdict(count)  # a thread: the number of its next ask
        self.got = {}  # a thread: the number of the ask that gave it the lock last
        self.last = deque(maxlen=1)  # the thread that has got it last
        me = iter(get_ident, 0)
        # map() asks its iterators one after the other: the thread's number, the number of the ask, acquire(), which gives True. What comes
        # after acquire() is done before any other thread goes on. Errors of acquire() pass through, and the iterators go on after them.
        asks = map(mul, map(next, map(self.asked.__getitem__, me)), map(lock._acquire, repeat(True)))
        gets = map(setitem, repeat(self.got), me, asks)
        self.take = map({None: True}.get, gets, map(self.last.append, me)).__next__
        self.until = 0  # when the lock ceases to be quiet
        self.told = {}  # a thread: how often it had got the lock at the last look
        self.held = None  # the lane that had the lock at the last look, and the number of its ask
        self.is_told = False  # that it has it, since it has it for long

    def ends(self):
        """The lock is not quiet any more."""
        if (lock := self.lock()) is not None:
            lock.becomes(False)

    def open_asks(self):
        """The threads that have asked and have not got it, and the numbers of these asks. An error of a signal's handler may have ended
        one."""
        asked = {ident: int(repr(n)[len("count(") : -1]) - 1 for ident, n in self.asked.copy().items()}
        return {ident: n for ident, n in asked.items() if self.got.get(ident, -1) < n}

    def holder(self, lane_of=None):
        """The lane of the thread that has it; None if nobody has, or a thread without a lane."""
        lock = self.lock()
        known = lock and lock._holder  # It has taken it while it was not quiet.
        if known is None and self.last and self.real.locked():
            return (lane_of or _lanes()).get(self.last[0])
        return known


class Kind(type):
    """The class of a class whose __enter__ and __exit__ are slots: `with` finds what an object has there without a step of Python's. Whoever
    asks the class for such a method, as contextlib does, gets a function."""

    __enter__ = property(lambda cls: lambda lock: lock.acquire())
    __exit__ = property(lambda cls: lambda lock, *error: lock.release())

    def __new__(meta, name, bases, names):
        if any(isinstance(base, Kind) for base in bases):
            raise TypeError("type '_thread.lock' is not an acceptable base type")
        return super().__new__(meta, name, bases, names)

    def __instancecheck__(cls, value):
        return isinstance(value, cls.__base__)


def _lanes():
    """The lanes by the numbers of their threads."""
    return {lane.ident: lane for lane in lanes.all_lanes()}


def allow(is_looked_at):
    """Says whether somebody looks from now on."""
    global _is_looked_at
    has_gil = getattr(sys, "_is_gil_enabled", lambda: True)()  # else two threads would be in one iterator
    _is_looked_at = is_looked_at and has_gil
    if not is_looked_at:
        end_all()


def begin(lock):
    """The lock becomes quiet, if that may be. Its holder calls this, before it lets it go."""
    lock._often = 0
    if not _is_looked_at or lanes.steps is not None or lock._thing in wanted:
        return
    record = _records.get(lock._thing) or _Record(lock)
    record.until = monotonic() + LONGEST
    lock._take, lock._leave = record.take, lock._real.__exit__
    try:
        lock.becomes(True)
        _records[lock._thing] = record  # after a look that has just deleted it
    except BaseException:
        lock.becomes(False)
        raise
    if not _is_looked_at or lanes.steps is not None:
        record.ends()


def take(lock):
    """A person takes a lock of ours."""
    wanted.add(lock._thing)
    try:
        end_all()
        lock.acquire()
    finally:
        wanted.discard(lock._thing)


def give_way(thing):
    """A thread has let a lock go. It would often take it again before anybody who waits for it has a core."""
    pause, times = GIVES_WAY
    while thing in wanted and times and type(lanes.current()) is lanes.Lane:
        select.select([], [], [], pause)
        times -= 1


def end_all():
    """No lock is quiet any more. What is known of them is kept for the looks."""
    for record in list(_records.values()):
        record.ends()


def holder(thing):
    """The lane of the thread that has a lock, if it has taken it while that was quiet."""
    record = _records.get(thing)
    return record and record.holder()


def look():
    """Tells what quiet locks do not: how often each task has got them, who waits for one, and who has one for long."""
    if not _records:
        if not any(lane.late for lane in lanes.all_lanes()):
            return
    lane_of = _lanes()
    waits, to_tell = {}, set()  # lanes and their waits; lanes that may be told to wait or hold, and run
    now = monotonic()
    for thing, record in list(_records.items()):
        new = _tell_counts(record, lane_of, to_tell)
        asks = record.open_asks()
        for ident, number in asks.items():
            if (lane := lane_of.get(ident)) is not None and _is_in_call(ident):
                waits[lane] = _wait_of(lane, thing, record, number)
        _look_at_holder(thing, record, lane_of, to_tell)
        if not new and not asks and record.held is None:
            del _records[thing]
            record.ends()
        elif new < MANY or now > record.until or lanes.steps is not None:
            record.ends()
    for lane in lane_of.values():
        before, lane.late = lane.late, waits.get(lane)
        if lane in to_tell or before is not None and before.is_told and lane.late is not before:
            _tell_running(lane)


def _tell_counts(record, lane_of, to_tell=None):
    """Tells how often these threads have got the lock since the last time. Gives how often that is in all."""
    new = 0
    for ident in list(record.got.copy()) if to_tell is not None else lane_of:
        number = record.got.get(ident, -1) + 1
        more, record.told[ident] = number - record.told.get(ident, 0), number
        new += more
        if more and (lane := lane_of.get(ident)) is not None:
            tell("task.counts", task=lane.name, acquired=more)
            if to_tell is not None and not lane.does_much:
                lane.does_much = True
                to_tell.add(lane)
    return new


@lanes.at_end
def _tell_last_counts(lane):
    for record in list(_records.values()):
        _tell_counts(record, {lane.ident: lane})


class _Probe:
    """Notes the instructions at which a frame stands while what it calls has not come back."""

    def __init__(self):
        self.instructions = set()
        with self:
            self.__enter__()

    def __enter__(self):
        frame = sys._getframe(1)
        self.instructions.add(frame.f_code.co_code[frame.f_lasti])

    def __exit__(self, *error):
        pass


_CALLS = _Probe().instructions


def _is_in_call(ident):
    """Whether a thread may be in acquire(): it stands at a `with` or a call, or in a function of ours."""
    frame = sys._current_frames().get(ident)
    return frame is not None and (is_ours(frame.f_code) or frame.f_code.co_code[frame.f_lasti] in _CALLS)


def _wait_of(lane, thing, record, number):
    """The wait of a lane for a quiet lock: the same as at the last look, if it still is."""
    wait = lane.late
    if wait is None or wait.lock is not record or wait.times != number:
        wait = Wait(lane, thing.on, None, "waiting", -1)
        wait.lock, wait.times = record, number
    return wait


def _look_at_holder(thing, record, lane_of, to_tell):
    """A lane that has had the lock at two looks, by one ask, is told to have it."""
    lane = record.holder(lane_of)
    held = lane and (lane, record.got.get(lane.ident))
    if held != record.held:
        if record.is_told:
            record.is_told = False
            record.held[0].let_go(thing)
            to_tell.add(record.held[0])
    elif held is not None and not record.is_told and lane.only is not thing and thing not in lane.holds:
        record.is_told = True
        lane.hold(thing)
        to_tell.add(lane)
    record.held = held


def _tell_running(lane):
    """Tells that a lane runs, or what it waits for by now."""
    if lane.late is None and lanes.is_alive(lane):
        if lane.wait is None:
            lane.runs()
        if (wait := lane.wait) is not None:
            wait.tell_late()


@lines.at_fork
def _after_fork():
    """The child has one thread, and nobody looks."""
    global _is_looked_at
    _is_looked_at = False
    end_all()
    _records.clear()
