"""The standard library's primitives, which tell what happens to them: who waits for what, who has it, in which line of the
script. Part of the shim: a script says `import tasklab`, and finds them there (tasklab.Lock, tasklab.Queue …).
"""

import concurrent.futures
import itertools
import os
import queue
import threading
import time

import tasklab
from tasklab import event, finished, lane, readable, started, state
from tasklab_steps import lanes, steps, waits

_own = tasklab._own


class Pace:
    """How much a task tells: single lines up to some 5,000 a second, then counts of what it did."""

    def __init__(self):
        self.since = self.told = self.acquired = self.waited = 0

    def did(self, lane, has_waited):
        """Counts an operation; whether it gets lines of its own."""
        now = time.monotonic()
        if now - self.since >= 0.1:
            self.since, self.told = now, 0
            self.tell(lane)
        self.told += 1
        if self.told > 200:
            self.acquired += 1
            self.waited += has_waited
        return self.told <= 200

    def tell(self, lane):
        if self.acquired:
            event("task.counts", task=lane, acquired=self.acquired, waited=self.waited)
            self.acquired = self.waited = 0


def deadlock():
    """Who waits for whom in a circle, as pairs of a task and what it waits for; empty if there is none."""
    seen = dict(waits)
    for first in seen:
        circle, name = {}, first
        while name in seen and name not in circle:
            thing, = seen[name]
            circle[name] = thing.on
            name = thing.holder
        # A second look: all these waits must have lasted together.
        if name == first and all(waits.get(who) is seen[who] for who in circle):
            return list(circle.items())
    return []


class _Tracked:
    """What all have in common: a name, who has it, who waits."""

    owned = False  # whether one task has it alone

    def __init__(self, kind, name):
        self.on = f"{kind} {name}" if name else kind
        self.holder = None
        self.waiters = []

    def _perform(self, operation, attempt, block, timeout=None, blocking=True, holds=False, joins=False):
        """Does an operation: at once if attempt can, else after a wait in block. Gives what they gave. One that joins
        others must be among them while it waits: then attempt is not made again in step mode."""
        watched = tasklab._events is not None or steps.active
        if not watched and (done := attempt()):
            if self.owned:
                self.holder = lane()
            return done
        name = lane()
        steps.gate(f"{operation} {self.on}")
        done, waited, told = attempt(), False, False
        if not done and blocking:
            deadline = None if timeout is None else time.monotonic() + timeout
            waited, told = True, _own.pace.told < 200
            self.waiters.append(name)
            waits[name] = (self,)  # a new one for each wait
            if told:
                state(name, "waiting", on=self.on, held_by=self.holder)
            try:
                if threading.current_thread() is not threading.main_thread() and not joins:
                    done = steps.sleep(name, attempt, deadline)
                if not done:
                    steps.settled(name)
                    done = block(None if deadline is None else max(0, deadline - time.monotonic()))
                    steps.moves([name])
            finally:
                del waits[name]
                self.waiters.remove(name)
        if done and holds:
            self.holder = name if self.owned else None
            _own.holds.append(self.on)
        if (done and holds or waited) and (_own.pace.did(name, waited) or told):
            state(name, "running", on=_own.holds[-1] if _own.holds else None)
            for other in list(self.waiters) if self.holder else []:
                if self in waits.get(other, ()):
                    state(other, "waiting", on=self.on, held_by=name)
        return done

    def _let_go(self):
        """The calling thread has it no more; nor has anybody who had it alone."""
        name, self.holder = lane(), None
        if _own.holds and self.on in _own.holds:
            _own.holds.remove(self.on)
            if _own.pace.told < 200:
                state(name, "running", on=_own.holds[-1] if _own.holds else None)

    def __enter__(self):
        self.acquire()
        return self

    def __exit__(self, *error):
        self.release()


class Lock(_Tracked):
    """threading.Lock: one holder, no owner check. lock.holder is the name of the task that acquired it."""

    owned = True

    def __init__(self, name=""):
        super().__init__("lock", name)
        self._lock = threading.Lock()

    def acquire(self, blocking=True, timeout=-1):
        if tasklab._events is None and not steps.active and self._lock.acquire(False):
            self.holder = lane()  # the short way, where nobody wants to know more
            return True
        wait = None if timeout < 0 else timeout
        return self._perform("acquire" if blocking else "try to acquire", lambda: self._lock.acquire(False),
                             lambda left: self._lock.acquire(True, -1 if left is None else left), wait, blocking, holds=True)

    def release(self):
        if steps.active:
            steps.gate(f"release {self.on}")
        if self._lock.locked():
            self._let_go()
        self._lock.release()  # RuntimeError if it is not held
        if steps.active:
            steps.moves(self.waiters[:1])

    def locked(self):
        return self._lock.locked()


class Semaphore(_Tracked):
    """threading.Semaphore: places, and no owner."""

    def __init__(self, name="", value=1):
        super().__init__("semaphore", name)
        self._semaphore = threading.Semaphore(value)

    def acquire(self, blocking=True, timeout=None):
        return self._perform("acquire" if blocking else "try to acquire", lambda: self._semaphore.acquire(False),
                             lambda left: self._semaphore.acquire(True, left), timeout, blocking, holds=True)

    def release(self, n=1):
        steps.gate(f"release {self.on}")
        self._let_go()
        self._semaphore.release(n)
        steps.moves(self.waiters[:n])


class Event(_Tracked):
    """threading.Event: a flag that wakes all who wait."""

    def __init__(self, name=""):
        super().__init__("event", name)
        self._event = threading.Event()
        self.is_set, self.clear = self._event.is_set, self._event.clear

    def set(self):
        steps.gate(f"set {self.on}")
        self._event.set()
        steps.moves(list(self.waiters))

    def wait(self, timeout=None):
        return self._perform("wait for", self._event.is_set, self._event.wait, timeout) or False


class Barrier(_Tracked):
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


BrokenBarrierError = threading.BrokenBarrierError


class Condition(_Tracked):
    """threading.Condition: a lock and a waiting room."""

    def __init__(self, name=""):
        super().__init__("condition", name)
        self.lock = Lock(name)
        self._condition = threading.Condition(self.lock._lock)
        self.acquire, self.release = self.lock.acquire, self.lock.release

    def wait(self, timeout=None):
        """Gives the lock back, sleeps until notified, takes the lock again. False if the time ran out."""
        def block(left):
            self.lock._let_go()
            try:
                return self._condition.wait(left)
            finally:
                self.lock.holder = lane()
                _own.holds.append(self.lock.on)

        if not self.lock.locked():
            raise RuntimeError("cannot wait on un-acquired lock")
        return self._perform("wait for", lambda: None, block, timeout, joins=True)

    def wait_for(self, predicate, timeout=None):
        end = None if timeout is None else time.monotonic() + timeout
        while not (result := predicate()) and (end is None or time.monotonic() < end):
            self.wait(None if end is None else max(0, end - time.monotonic()))
        return result

    def notify(self, n=1):
        steps.gate(f"notify {self.on}")
        self._condition.notify(n)
        steps.moves(self.waiters[:n])

    def notify_all(self):
        self.notify(len(self.waiters))


class Queue(_Tracked):
    """queue.Queue, which is also a joinable queue: put, get, task_done, join. Empty and Full are queue.Empty, queue.Full."""

    def __init__(self, name="", maxsize=0):
        super().__init__("queue", name)
        self._queue = queue.Queue(maxsize)
        self.qsize, self.empty, self.full = self._queue.qsize, self._queue.empty, self._queue.full

    def put(self, item, block=True, timeout=None):
        if tasklab._events is None and not steps.active:
            return self._queue.put(item, block, timeout)

        def attempt():
            try:
                return self._queue.put_nowait(item) is None
            except queue.Full:
                return False

        def wait(left):
            try:
                return self._queue.put(item, timeout=left) is None
            except queue.Full:
                return False

        if not self._perform("put into", attempt, wait, timeout, block):
            raise queue.Full
        steps.moves(self.waiters[:1])

    def get(self, block=True, timeout=None):
        if tasklab._events is None and not steps.active:
            return self._queue.get(block, timeout)

        def attempt():
            try:
                return (self._queue.get_nowait(),)
            except queue.Empty:
                return None

        def wait(left):
            try:
                return (self._queue.get(timeout=left),)
            except queue.Empty:
                return None

        got = self._perform("get from", attempt, wait, timeout, block)
        if not got:
            raise queue.Empty
        steps.moves(self.waiters[:1])
        return got[0]

    def get_nowait(self):
        return self.get(block=False)

    def put_nowait(self, item):
        self.put(item, block=False)

    def task_done(self):
        steps.gate(f"task_done on {self.on}")
        self._queue.task_done()  # ValueError if called too often
        if not self._queue.unfinished_tasks:
            steps.moves(list(self.waiters))

    def join(self):
        def block(left):
            self._queue.join()
            return True

        self._perform("join", lambda: not self._queue.unfinished_tasks, block)

    unfinished_tasks = property(lambda self: self._queue.unfinished_tasks)


JoinableQueue = Queue
Empty, Full = queue.Empty, queue.Full
local = threading.local


class Thread(threading.Thread):
    """threading.Thread with a lane. In the script's first thread join() goes on hearing step mode's actions."""

    def __init__(self, target=None, args=(), kwargs=None, name=None, daemon=None):
        super().__init__(target=target, args=args, kwargs=kwargs, name=name, daemon=daemon)
        event("task.started", task=self.name, sort="thread", pid=os.getpid())
        self._ended = os.eventfd(0) if tasklab._control is not None else None

    def start(self):
        lanes.add(self.name)
        if steps.active:
            steps.moves([self.name])
        super().start()

    def run(self):
        started(self.name)
        result = "ok"
        try:
            super().run()
        except BaseException as error:
            result = f"{type(error).__name__}: {error}"
            raise
        finally:
            finished(self.name, result)
            lanes.discard(self.name)
            if self._ended is not None:
                os.eventfd_write(self._ended, 1)

    def join(self, timeout=None):
        if self._ended is not None and threading.current_thread() is threading.main_thread():
            end = None if timeout is None else time.monotonic() + timeout
            while not readable(self._ended) and (end is None or time.monotonic() < end):
                if asked := tasklab._hear(3600 if end is None else max(0, end - time.monotonic()), [self._ended]):
                    tasklab._pending.append(asked)
            if readable(self._ended):
                os.close(self._ended)
                self._ended = None
            elif timeout is not None:
                return  # The time is over, and the thread is not.
        super().join(timeout)


class Timer(Thread):
    """threading.Timer: calls a function after an interval, unless cancelled before."""

    def __init__(self, interval, function, args=(), kwargs=None, name="timer"):
        super().__init__(target=self._wait_and_call, name=name)
        self.interval, self.function, self.args, self.kwargs = interval, function, args, kwargs or {}
        self.finished = threading.Event()

    def cancel(self):
        self.finished.set()

    def _wait_and_call(self):
        state(self.name, "sleeping")
        if not self.finished.wait(self.interval):
            state(self.name, "running")
            self.function(*self.args, **self.kwargs)
        self.finished.set()


class ThreadPoolExecutor(concurrent.futures.ThreadPoolExecutor):
    """concurrent.futures.ThreadPoolExecutor whose workers and futures have lanes. wait() and as_completed() are its own."""

    _numbers = itertools.count(1)

    def __init__(self, max_workers=None, thread_name_prefix="worker", initializer=None, initargs=()):
        def hello():
            started(threading.current_thread().name.replace("_", "-"))
            if initializer:
                initializer(*initargs)

        super().__init__(max_workers, thread_name_prefix, hello)

    def submit(self, fn, /, *args, **kwargs):
        name = f"{getattr(fn, '__name__', 'task')}-{next(self._numbers)}"
        event("task.started", task=name, sort="future", pid=os.getpid())

        def work():
            state(name, "running", on=lane())
            state(lane(), "running", on=name)
            try:
                return fn(*args, **kwargs)
            finally:
                state(lane(), "waiting", on="the pool's queue")

        def done(future):
            error = None if future.cancelled() else future.exception()
            finished(name, "cancelled" if future.cancelled() else f"{type(error).__name__}: {error}" if error else "ok")

        future = super().submit(work)
        future.add_done_callback(done)
        return future


class _PipeEnd(_Tracked):
    """One end of multiprocessing.Pipe(): send, recv (EOFError when the other end is closed), poll, close, fileno."""

    def __init__(self, name, connection):
        super().__init__("pipe", name)
        self._connection = connection
        self.poll, self.close, self.fileno = connection.poll, connection.close, connection.fileno

    def send(self, message):
        steps.gate(f"send into {self.on}")
        self._connection.send(message)

    def recv(self):
        self._perform("receive from", self._connection.poll, lambda left: self._connection.poll(left))
        return self._connection.recv()


def Pipe(name="", duplex=True):
    """multiprocessing.Pipe(): two ends, which also work across a fork."""
    import multiprocessing

    return tuple(_PipeEnd(name, connection) for connection in multiprocessing.Pipe(duplex))


def _forget():
    """A forked child has one thread, and hears nothing."""
    tasklab._lock = threading.Lock()
    steps.__init__()
    waits.clear()
    lanes.clear()
    _own.lane = None


os.register_at_fork(after_in_child=_forget)
