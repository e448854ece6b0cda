"""threading's Lock and RLock. They are made in C, where nothing can be replaced; so what the program's own code makes is a thing of ours
around the real one, and behaves as that does."""

from _thread import TIMEOUT_MAX
from itertools import repeat
from time import monotonic

from . import frames, lanes, quiet, things
from .hooks import replace, when_imported, wrap
from .lanes import current, is_alive, known, operate, operation, own, untold_wait, wait_begins, wait_ends, write
from .quiet import give_way, wanted


PAUSE = 0.02  # seconds from lines that tell of a lock's new holder to the next ones


class _Observed:
    """A lock around the real one. It knows the lane of its holder, and that of the last one that let it go."""

    __slots__ = (
        "_real", "_acquire", "_release", "_tries", "_thing", "_holder", "_is_told", "_released_by", "_pause_until",
        "_often", "_take", "_leave",  # for when it is quiet
        "__weakref__",
    )

    @classmethod
    def _around(cls, real, thing):
        self = object.__new__(cls)
        self._real, self._thing = real, thing
        self._acquire, self._release = real.acquire, real.release  # looked up once: this is done often
        # `for got in …: break` gets the lock and knows of it in one: after a call, Python may raise what a signal's handler or another
        # thread wants to be raised, and nobody would know whether the thread has the lock.
        self._tries = map(self._acquire, repeat(False))
        self._holder = self._released_by = None
        self._is_told = False
        self._pause_until = 0  # for the next lines about another holder
        self._often = 0  # acquired without a line, since it was quiet; None if it can never be
        thing.of(self)
        return self

    def __new__(cls, *arguments, **names):
        return _REAL[cls](*arguments, **names)  # type(lock)() is what it is without us: a lock, or an error

    def acquire(self, blocking=True, timeout=-1):
        if blocking is True and timeout == -1:
            return _Observed.__enter__(self)
        if (steps := lanes.steps) is not None:
            steps.gate(f"{'acquire' if blocking else 'try to acquire'} {self._thing.on}")
        has_time = blocking and type(timeout) in (int, float) and (timeout == -1 or 0 <= timeout <= TIMEOUT_MAX)
        # What waits for nobody, and what is an error, is the real lock's affair.
        got = False
        try:
            for got in self._tries if has_time else map(self._acquire, (blocking,), (timeout,)):
                break
            if got:
                self._tell_acquired()
            elif has_time and timeout != 0:
                got = self._wait(timeout)
            try:
                operation("acquire", self._thing.on, got, 0)  # It has been counted.
            except RecursionError:
                pass
        except BaseException as error:
            if not got or type(error) is not RecursionError and self._is_forsaken(error):
                raise
        return got

    # No call where no line tells of it: this is done often.
    def __enter__(self):
        if (steps := lanes.steps) is not None:
            steps.gate(f"acquire {self._thing.on}")
        got = False
        try:
            for got in self._tries:
                break
            if not got:
                return self._wait(-1)
            try:
                lane = own.lane
                if monotonic() < lane.until and lane.only is None and not lane.holds:
                    self._holder = lane
                    lane.only = self._thing
                    lane.acquired += 1
                    return True
            except AttributeError:
                pass  # The thread has no lane yet.
            self._tell_acquired()
        except BaseException as error:
            if not got or type(error) is not RecursionError and self._is_forsaken(error):
                raise
        return True

    def _is_forsaken(self, error):
        """The calling thread has the lock, and there is an error. If that is the program's, the lock is let go: the program will not know
        that it has it. Else the program has the lock, and does not see the error: perhaps the memory is at its end. (Where the stack is,
        this could not be called.)"""
        if not frames.is_theirs(error):
            return False
        holder, self._holder = self._holder, None
        self._is_told = False
        self._release()
        if holder is not None:
            holder.let_go(self._thing)
        return True

    def _tell_acquired(self):
        lane = current()
        self._holder = lane
        lane.holds.append(self._thing)
        if lane.wait is not None:
            return  # a condition takes it again: the end of that wait tells
        if lane.tells():
            self._is_told = True
            lane.runs(None, frames.script_line())
            if self._thing.waiters:
                self._tell_waiters(lane)
            write(lane)

    def _wait(self, timeout):
        if timeout == -1 and (wait := untold_wait()) is not None:
            return self._wait_untold(wait)
        holder = self.holder()
        wait = wait_begins(self._thing.on, holder and holder.name, at_most=timeout)
        got = False
        try:
            wait.lock = self
            self._thing.waiters.append(wait)
            if (steps := lanes.steps) is None:
                for got in map(self._acquire, (True,), (timeout,)):
                    break
            else:
                got = steps.take(wait.lane, self._acquire, timeout)
            woken_by = self._released_by.name if got and self._released_by else None
            self._thing.waiters.remove(wait)
            if got:
                self._holder = wait.lane
                self._is_told = wait.is_told
                wait.lane.holds.append(self._thing)
            wait_ends(wait, woken_by)
            if got and self._thing.waiters:
                self._tell_waiters(wait.lane)
        except BaseException as error:
            if wait in self._thing.waiters:
                self._thing.waiters.remove(wait)
            if not got or type(error) is not RecursionError and self._is_forsaken(error):
                wait_ends(wait)
                raise
        return got

    def _wait_untold(self, wait):
        """The same with no line, unless a look finds that it takes long: where many want a lock, each does this often."""
        lane = wait.lane
        wait.on, wait.lock = self._thing.on, self
        lane.wait = wait
        got = False
        try:
            try:
                for got in map(self._acquire, (True,)):
                    break
            finally:
                lane.wait = wait.lock = None
            self._holder = lane
            if wait.is_told or lane.holds:
                self._is_told = wait.is_told
                lane.holds.append(self._thing)
            else:
                lane.only = self._thing
            self._goes_on(lane, wait)
            if self._thing.waiters:
                self._tell_waiters(lane)
        except BaseException as error:
            if not got or type(error) is not RecursionError and self._is_forsaken(error):
                self._goes_on(lane, wait)
                raise
        return True

    def _goes_on(self, lane, wait):
        """After a wait that had no line at its beginning."""
        if wait.is_told:
            lane.untold = None
            lane.runs()
            write(lane)
        if (steps := lanes.steps) is not None:
            steps.resumes(lane)

    def _tell_waiters(self, lane):
        """Those who wait do so for another holder from now on. Where that changes too often for lines, a look tells it later."""
        now = monotonic()
        if now < self._pause_until:
            return
        for wait in tuple(self._thing.waiters):
            if wait.is_told and wait.told_of != lane.name and wait.lane.wait is wait:
                self._pause_until = now + PAUSE
                wait.tell()

    def release(self):
        if lanes.steps is not None:
            return self._release_stepped()
        lane = None
        try:
            if self._holder is not None:
                holder = own.lane
                if self._holder is holder and holder.only is self._thing:
                    self._holder, self._released_by, holder.only = None, holder, None
                    if self._often is not None:
                        self._often += 1
                        if self._often >= lanes.MANY:
                            quiet.begin(self)  # while nobody is known to have it, and before somebody else can
                else:
                    lane = self._tell_released()
            elif not self._real.locked():
                operation("release", self._thing.on, "RuntimeError")
        except RecursionError:
            pass  # The stack is at its end.
        except BaseException as error:
            lane = self._without_lane(error)
        finally:
            self._release()  # RuntimeError if nobody has it
        if lane is not None:
            write(lane)
        if wanted:
            give_way(self._thing)

    def _without_lane(self, error):
        """What release() does instead after an error: the thread may have no lane yet. Raises it if it is the program's."""
        try:
            if type(error) is AttributeError and known() is None:
                return self._tell_released()
        except Exception as other:
            error = other
        if frames.is_theirs(error):
            raise error
        return None

    def _release_stepped(self):
        steps = lanes.steps
        lane = None
        try:
            if steps is not None:
                steps.gate(f"release {self._thing.on}")
        finally:  # also if a signal's handler has raised an error there
            try:
                if self._holder is not None:
                    lane = self._tell_released()
            except Exception as error:
                if frames.is_theirs(error):
                    raise
            finally:
                self._release()
        for wait in tuple(self._thing.waiters)[:1] if steps is not None else ():
            steps.moves(wait.lane)
        if lane is not None:
            write(lane)

    def _tell_released(self):
        """Gives the calling thread's lane, if there is a line to write."""
        holder = self._holder
        lane = current()
        self._holder, self._released_by = None, lane
        if holder is not lane:
            operation("release", self._thing.on, "ok")
        holder.let_go(self._thing)
        if not self._is_told:
            return None
        self._is_told = False
        if holder.wait is None and (holder is lane or is_alive(holder)):
            holder.runs(None, frames.script_line())
        return lane

    # The same as release(), which is not called: at the end of the stack there may be room for one frame only. What a signal's handler
    # raises at the entry, before the first line, leaves the lock held: there is nothing of ours that could hear of it.
    def __exit__(self, kind, value, traceback):
        if lanes.steps is not None:
            return self._release_stepped()
        lane = None
        try:
            if self._holder is not None:
                holder = own.lane
                if self._holder is holder and holder.only is self._thing:
                    self._holder, self._released_by, holder.only = None, holder, None
                    if self._often is not None:
                        self._often += 1
                        if self._often >= lanes.MANY:
                            quiet.begin(self)  # while nobody is known to have it, and before somebody else can
                else:
                    lane = self._tell_released()
        except RecursionError:
            pass  # The stack is at its end.
        except BaseException as error:
            lane = self._without_lane(error)
        finally:
            self._release()
        if lane is not None:
            write(lane)
        if wanted:
            give_way(self._thing)

    def becomes(self, is_quiet):
        """Quiet, or a lock that tells again."""
        if self._often is not None:
            self._often, self._released_by = 0, None
            _set_class(self, _Quiet if is_quiet else _normal)

    def is_never_quiet(self):
        """Its __enter__ and __exit__ are looked up one by one."""
        if self._often is not None:
            self.becomes(False)
            self._often = None

    def holder(self):
        """The lane that has it; None if nobody has, or if that is not known."""
        return self._holder or quiet.holder(self._thing)

    def __getattr__(self, name):
        return getattr(self._real, name)

    def _is_owned(self):
        """What a Condition asks of its lock. It would try the lock itself, which is no operation of the program's."""
        if self._acquire(False):
            self._release()
            return False
        return True

    def _at_fork_reinit(self):
        self._holder = None
        self._thing.waiters.clear()
        return self._real._at_fork_reinit()

    @property
    def __class__(self):
        return type(self._real)

    def __repr__(self):
        return repr(self._real)

    def __reduce_ex__(self, protocol):
        return self._real.__reduce_ex__(protocol)


class _Lock(_Observed):
    """A lock that has no owner."""

    __slots__ = ()


class _Quiet(_Lock, metaclass=quiet.Kind):
    """The same while it is quiet."""

    __slots__ = ()
    __enter__ = _Observed._take
    __exit__ = _Observed._leave

    def acquire(self, blocking=True, timeout=-1):
        # A method that the program keeps is this one even when the lock is not quiet any more. A person has a lane of another type.
        if blocking is True and timeout == -1 and type(self) is _Quiet and type(getattr(own, "lane", None)) is lanes.Lane:
            return self._take()
        return _Observed.acquire(self, blocking, timeout)

    def release(self):
        if self._holder is None and type(self) is _Quiet:
            return self._release()
        return _Observed.release(self)


_normal = None  # the class of a lock that is not quiet
_set_class = object.__dict__["__class__"].__set__  # the attribute of that name is the real one's


def _need_room():
    """Raises RecursionError now where it would be raised when the lock is let go, so that it would stay held."""
    _need_more_room()


def _need_more_room():
    _need_most_room()


def _need_most_room():
    pass


class _RLock(_Observed):
    """A reentrant lock: its holder acquires it several times, and lets it go as often."""

    __slots__ = ("_count",)

    @classmethod
    def _around(cls, real, thing):
        self = super()._around(real, thing)
        self._count = 0  # changed by the holder alone
        self._often = None  # It counts how often its holder has it, so it cannot be quiet.
        return self

    def acquire(self, blocking=True, timeout=-1):
        if self._count and self._real._is_owned():
            _need_room()
            for got in map(self._acquire, (blocking,), (timeout,)):
                break
        else:
            got = _Observed.acquire(self, blocking, timeout)
        if got:
            self._count += 1
        return got

    def __enter__(self):
        if self._count and self._real._is_owned():
            _need_room()
            for _ in self._tries:
                break
        else:
            _Observed.__enter__(self)
        self._count += 1
        return True

    def release(self):
        if not self._count or not self._real._is_owned():
            return operate("release", self._thing.on, self._release)  # RuntimeError
        if lanes.steps is not None and self._count == 1:
            self._count = 0
            return self._release_stepped()
        lane = None
        try:
            if self._count == 1:
                lane = self._tell_released()
        except RecursionError:
            pass
        except BaseException as error:
            self._without_lane(error)
        finally:
            self._count -= 1
            self._release()
        if lane is not None:
            write(lane)
        if wanted and not self._count:
            give_way(self._thing)

    def __exit__(self, kind, value, traceback):
        self.release()

    def _is_owned(self):
        return self._real._is_owned()

    def _release_save(self):
        """A condition lets go of it, however often it was acquired."""
        if not self._count or not self._real._is_owned():
            return self._real._release_save()  # RuntimeError
        count, self._count = self._count, 0
        for _ in range(count - 1):
            self._real.release()
        _Observed.release(self)
        return count

    def _acquire_restore(self, count):
        _Observed.__enter__(self)
        for _ in range(count - 1):
            self._real.acquire()
        self._count = count

    def _at_fork_reinit(self):
        self._count = 0
        return super()._at_fork_reinit()


_REAL = {}  # a class of ours: the real one


def _looks_like(ours, real):
    """Gives a class of ours the name of the real one."""
    _REAL[ours] = real
    ours.__module__, ours.__name__, ours.__qualname__, ours.__doc__ = real.__module__, real.__name__, real.__qualname__, real.__doc__


@when_imported("threading")
def _threading(threading):
    global _normal
    make = threading.Lock
    real = type(make())
    _looks_like(_RLock, type(threading.RLock()))
    if isinstance(make, type):  # since 3.13

        class Maker(type):
            def __new__(meta, name, bases, names):
                if any(isinstance(base, Maker) for base in bases):
                    raise TypeError(f"type '{real.__module__}.{real.__name__}' is not an acceptable base type")
                return super().__new__(meta, name, bases, names)

            def __call__(cls, *arguments, **names):
                lock = make(*arguments, **names)
                thing = things.made("lock")
                return cls._around(lock, thing) if thing else lock

            def __instancecheck__(cls, value):
                return isinstance(value, real)

            def __subclasscheck__(cls, other):
                return issubclass(other, real)

        class Lock(_Lock, metaclass=Maker):
            __slots__ = ()

        _looks_like(Lock, real)
        replace(threading, "Lock", Lock)
    else:
        Lock = _Lock
        _looks_like(Lock, real)

        @wrap(threading, "Lock")
        def _(original):
            def allocate_lock(*arguments):
                lock = original(*arguments)
                thing = things.made("lock")
                return Lock._around(lock, thing) if thing else lock

            return allocate_lock

    _normal = Lock
    _looks_like(_Quiet, real)

    @wrap(threading, "RLock")
    def _(original):
        def RLock(*arguments, **names):
            lock = original(*arguments, **names)
            thing = things.made("lock")
            return _RLock._around(lock, thing) if thing else lock

        return RLock


def reentrant(threading, thing):
    """A reentrant lock under a name that is known."""
    return _RLock._around(threading.RLock.__wrapped__(), thing)


def is_of_condition(lock):
    """A condition looks up a lock's methods one by one, and keeps some."""
    if isinstance(lock, _Observed):
        lock.is_never_quiet()
