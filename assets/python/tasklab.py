"""The shim between a lesson's script and Task Lab. Standard library only, Python 3.11 and later.

Task Lab names two open descriptors in the environment: TASKLAB_EVENTS, where this module writes one line of JSON for
each thing that happens, and TASKLAB_CONTROL, where it reads one line of JSON for each thing that a person does.
Without them every function here does nothing (action() still sleeps), so the script also runs alone:

    python3 thread-pool.py workers=2

The second half holds the standard library's primitives under their own names (Lock, Semaphore, Event, Barrier, Condition,
Queue, Timer, local, Thread, ThreadPoolExecutor, Pipe). They do what those do, and show who waits for what and who has it:

    lock = tasklab.Lock("counter")
    threads = [tasklab.Thread(target=work, name=f"worker-{n}") for n in range(4)]
"""

import collections
import concurrent.futures
import itertools
import json
import os
import queue
import select
import signal
import sys
import threading
import time

# Lines appear when they are printed, also in a pipe, and no fork carries half a buffer along.
sys.stdout.reconfigure(line_buffering=True)


def _descriptor(name):
    """The descriptor that the environment names, if it is open. A program that a script runs must not inherit it."""
    try:
        number = int(os.environ.get(name, ""))
        os.set_inheritable(number, False)
        return number
    except (ValueError, OSError):
        return None


_events = _descriptor("TASKLAB_EVENTS")
_control = _descriptor("TASKLAB_CONTROL")
_began = int(os.environ.get("TASKLAB_T0") or time.monotonic_ns())
_lock = threading.Lock()
_heard = b""
_pending = collections.deque()  # actions that were heard and not asked for yet
_main_pid = os.getpid()
_own = threading.local()  # of each thread: its lane, and what it holds


def params(**defaults):
    """The parameters: the defaults, NAME=VALUE of the command line, or what Task Lab gives. Read as params.NAME."""
    values = dict(defaults)
    for argument in sys.argv[1:]:
        name, equals, text = argument.partition("=")
        if not equals or name not in defaults:
            sys.exit(f"{argument!r} is no parameter; there are: " + " ".join(f"{n}={v}" for n, v in defaults.items()))
        default = defaults[name]
        try:
            values[name] = text in ("true", "yes", "on", "1") if isinstance(default, bool) else type(default)(text)
        except ValueError:
            sys.exit(f"{name} cannot be {text!r}: it is {default!r} by default")
    given = json.loads(os.environ.get("TASKLAB_PARAMS") or "{}")
    values.update((name, value) for name, value in given.items() if name in defaults)
    return type("Params", (), values)


def event(kind, **keys):
    """Writes one event line, with a single write, so that the lines of several processes do not mix."""
    global _events
    if _events is None:
        return
    if kind in ("task.started", "task.state") and "line" not in keys and (line := _line()):
        keys["line"] = line
    with _lock:
        line = json.dumps({"t": time.monotonic_ns() - _began, "kind": kind, **keys}, separators=(",", ":")) + "\n"
        rest = line.encode()
        try:
            while rest:
                rest = rest[os.write(_events, rest):]
        except OSError:
            _events = None  # Nobody reads any more: the lesson goes on unheard.


def _line():
    """The line of the script that runs now: the nearest caller that is no part of this module."""
    frame = sys._getframe(2)
    while frame and frame.f_globals.get("__name__") not in ("__main__", "__mp_main__"):
        frame = frame.f_back
    return frame and frame.f_lineno


def rename(name):
    """Gives the calling thread a name in the kernel, for htop and the process tree (15 bytes at most)."""
    try:
        with open(f"/proc/self/task/{threading.get_native_id()}/comm", "w") as comm:
            comm.write(name[:15])
    except OSError:
        pass


def started(task, sort="thread"):
    """Opens a lane: a thread, process, coroutine, event or future. A thread is known by it to the primitives below."""
    if sort in ("thread", "process"):
        _own.lane, _own.holds, _own.pace = task, [], _Pace()
        if task != "main":
            rename(task)
    event("task.started", task=task, sort=sort, pid=os.getpid(), tid=threading.get_native_id())


def state(task, word, on=None, held_by=None):
    """How a task is: created, ready, running, waiting, sleeping, stopped, zombie, done or failed."""
    keys = {"on": on, "held_by": held_by}
    event("task.state", task=task, state=word, **{key: text for key, text in keys.items() if text is not None})


def finished(task, result="ok"):
    """Closes a lane."""
    if getattr(_own, "lane", None) == task:
        _own.pace.tell(task)
        _steps.settled(task)
        _own.lane = None
    event("task.finished", task=task, result=result)


def process_started(pid, name, ppid=None, argv=()):
    """Tells of a child, after it was forked or started."""
    event("process.started", pid=pid, ppid=ppid or os.getpid(), pgid=os.getpgrp(), sid=os.getsid(0),
          name=name, argv=[str(word) for word in argv] or [name])


def process_state(pid, word):
    """How a process is, in the words of the event lines: running, sleeping, stopped, zombie."""
    event("process.state", pid=pid, state=word)


def process_exited(pid, returncode):
    """How a child ended, as subprocess has it: the exit status, or minus the number of the signal that killed it."""
    if returncode < 0:
        event("process.exited", pid=pid, signal=signal.Signals(-returncode).name, core=False)
    else:
        event("process.exited", pid=pid, code=returncode)


def process_reaped(pid):
    """Its parent has waited on it."""
    event("process.reaped", pid=pid)


def value(name, number):
    """Shows a number or text."""
    event("value", name=name, value=number)


def notice(text):
    """Shows a sentence about something that went wrong."""
    event("notice", text=text)


def gpio(line, level):
    """Asks for a level, 0 or 1, on an output line of the board."""
    event("gpio", line=line, value=level)


def fact(id, claim, expected, observed, holds=None):
    """A claim of the lesson beside what this run showed. It holds if they are equal, unless you say what holds."""
    event("fact", id=id, claim=claim, expected=expected, observed=observed,
          holds=expected == observed if holds is None else bool(holds))


def action(timeout, *others):
    """Sleeps until a person does something, as (do, target), or returns None: after the timeout, or earlier when one
    of the other descriptors is readable. Only the script's first process hears actions; step mode hears its own."""
    return _pending.popleft() if _pending else _hear(timeout, others)


def _hear(timeout, others):
    global _control, _heard
    deadline = time.monotonic() + timeout
    while True:
        line, newline, rest = _heard.partition(b"\n")
        if newline:
            _heard = rest
            try:
                asked = json.loads(line)
                do, target = asked["do"], asked.get("target", "")
            except (ValueError, KeyError, TypeError, AttributeError):
                if line.strip():
                    notice(f"a line that is no action was skipped: {line[:200].decode(errors='replace')}")
                continue
            if do != "step":
                return do, target
            _steps.obey(target)
            continue
        listening = [_control] if _control is not None and os.getpid() == _main_pid else []
        ready, _, _ = select.select([*others, *listening], [], [], max(0, deadline - time.monotonic()))
        if listening and _control in ready:
            try:
                chunk = os.read(_control, 4096)
            except OSError:
                chunk = b""
            if not chunk:
                _control = None  # Nobody will send anything any more; waiting goes on as before.
            _heard += chunk
        elif ready or time.monotonic() >= deadline:
            return None


def refuse(do, target):
    """Says that the lesson has no such action, or cannot do it to that target now."""
    notice(f"could not do {do!r} to {target!r}: no such action or target now")


def readable(descriptor):
    """Whether reading from a descriptor would not wait."""
    return bool(select.select([descriptor], [], [], 0)[0])


# The primitives. Each wraps the standard library's own, and tells of it.


class _Pace:
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


def lane():
    """The calling thread's lane. A thread that the script did not introduce gets one under its own name."""
    if getattr(_own, "lane", None) is None:
        thread = threading.current_thread()
        started("main" if thread is threading.main_thread() else thread.name)
    return _own.lane


class _Steps:
    """Step mode: a gate before each operation of a thread. One thread moves at a time, until it comes to its next gate,
    a wait or its end; so the order of passed gates decides the run, and replays."""

    def __init__(self):
        self.changed = threading.Condition(threading.Lock())
        self.on, self.replay, self.order = False, [], []
        self.gates, self.permits, self.moving = [], [], set()
        self.active = False

    def update(self):
        self.active = self.on or bool(self.replay)
        if not self.active:
            self.permits.clear()
            self.moving.clear()
        self.changed.notify_all()

    def obey(self, target):
        """The action `step`: on, off, a task's name, or nothing for the one that waits longest."""
        if target in ("on", "off"):
            step_mode(target == "on")
            return
        with self.changed:
            if self.on and not target and self.gates:
                target = self.gates[0]
            if self.on and target in _lanes:
                self.permits.append(target)
                self.changed.notify_all()
                return
        refuse("step", target)

    def settled(self, name):
        if name in self.moving:
            with self.changed:
                self.moving.discard(name)
                self.changed.notify_all()

    def moves(self, names):
        """These were woken: nobody passes a gate before they have settled."""
        if self.active and names:
            with self.changed:
                self.moving.update(name for name in names if name in _lanes)
                self.changed.notify_all()

    def turn(self, name):
        if not self.active:
            return True
        if self.replay:
            return self.replay[0] == name and not self.moving
        return not self.moving and next((who for who in self.permits if who in self.gates), None) == name

    def gate(self, operation):
        """Stands at the gate before an operation until this thread may pass."""
        if not self.active or threading.current_thread() is threading.main_thread():
            return
        name = lane()
        with self.changed:
            self.moving.discard(name)
            self.gates.append(name)
            self.changed.notify_all()
            state(name, "waiting", on=f"step: {operation}")
            while not self.turn(name):
                passed = len(self.order)
                if self.changed.wait(1) or self.turn(name) or len(self.order) > passed:
                    continue
                self.moving -= set(_waits)  # who waits does not move
                if self.replay and not self.moving and self.replay[0] not in self.gates:
                    notice(f"could not replay the order to its end: it is the turn of {self.replay[0]}, which comes to no gate")
                    self.replay = []
                    self.update()
            self.gates.remove(name)
            if self.active:
                if self.replay:
                    self.replay.pop(0)
                else:
                    self.permits.remove(name)
                self.moving.add(name)
                self.order.append(name)
                value("order", " ".join(self.order))
                self.update()
            state(name, "running", on=_own.holds[-1] if _own.holds else None)

    def sleep(self, name, attempt, deadline):
        """Waits in step mode: tries again when somebody has woken this thread. What attempt gave, or None."""
        with self.changed:
            while self.active:
                self.moving.discard(name)
                self.changed.notify_all()
                left = None if deadline is None else deadline - time.monotonic()
                if left is not None and left <= 0:
                    return None
                self.changed.wait_for(lambda: name in self.moving or not self.active, left)
                if self.active and (done := attempt()):
                    return done
        return None


_lanes = set()  # threads that step mode may stop
_waits = {}  # lane -> what it waits for
_steps = _Steps()


def step_mode(on):
    """Switches step mode on: each operation of a thread waits until the action `step` lets it pass. A thread of its own
    listens from then on, as the first one may be busy."""
    with _steps.changed:
        _steps.on = on
        _steps.replay = []
        _steps.update()
    value("step", "on" if on else "off")
    if on:
        _start_listening()


def replay(order):
    """Lets the gates be passed in this order, names with blanks between, as the value `order` showed it."""
    with _steps.changed:
        _steps.replay = order.split()
        _steps.update()


def order():
    """The order in which gates were passed so far."""
    return list(_steps.order)


def checkpoint(what):
    """A gate of the script's own, before something that is no tracked operation."""
    _steps.gate(what)


def _start_listening():
    """From now on a thread reads all actions: it does `step` itself and passes the others on to action()."""
    global _control
    if _control is None or os.getpid() != _main_pid or getattr(_start_listening, "done", False):
        return
    _start_listening.done = True
    source, (_control, passing) = _control, os.pipe()

    def listen():
        text = b""
        while chunk := os.read(source, 4096):
            *lines, text = (text + chunk).split(b"\n")
            for line in lines:
                try:
                    asked = json.loads(line)
                    is_step = asked["do"] == "step"
                except (ValueError, KeyError, TypeError):
                    is_step = False
                if is_step:
                    _steps.obey(asked.get("target", ""))
                else:
                    os.write(passing, line + b"\n")
        os.close(passing)

    threading.Thread(target=listen, name="listener", daemon=True).start()


def deadlock():
    """Who waits for whom in a circle, as pairs of a task and what it waits for; empty if there is none."""
    waits = dict(_waits)
    for first in waits:
        circle, name = [], first
        while name in waits and (name, waits[name].on) not in circle:
            circle.append((name, waits[name].on))
            name = waits[name].holder
        # A second look: all these waits must have lasted together.
        if name == first and all(_waits.get(who) is waits[who] for who, _ in circle):
            return circle
    return []


class _Tracked:
    """What all have in common: a name, who has it, who waits."""

    def __init__(self, kind, name):
        self.on = f"{kind} {name}" if name else kind
        self.holder = None
        self.waiters = []

    def _perform(self, operation, attempt, block, timeout=None, blocking=True, holds=False):
        """Does an operation: at once if attempt can, else after a wait in block. Gives what they gave."""
        watched = _events is not None or _steps.active
        if not watched and (done := attempt()):
            if holds:
                self.holder = lane()
            return done
        name = lane()
        _steps.gate(f"{operation} {self.on}")
        done, waited, told = attempt(), False, False
        if not done and blocking:
            deadline = None if timeout is None else time.monotonic() + timeout
            waited, told = True, _own.pace.told < 200
            self.waiters.append(name)
            _waits[name] = self
            if told:
                state(name, "waiting", on=self.on, held_by=self.holder)
            try:
                if threading.current_thread() is not threading.main_thread():
                    done = _steps.sleep(name, attempt, deadline)
                if not done:
                    _steps.settled(name)
                    done = block(None if deadline is None else max(0, deadline - time.monotonic()))
            finally:
                del _waits[name]
                self.waiters.remove(name)
        if done and holds:
            self.holder = name
            _own.holds.append(self.on)
            for other in list(self.waiters):
                state(other, "waiting", on=self.on, held_by=name)
        if (done and holds or waited) and (_own.pace.did(name, waited) or told):
            state(name, "running", on=_own.holds[-1] if _own.holds else None)
        return done

    def _let_go(self):
        """The calling thread has it no more; nor has anybody who had it alone."""
        name, self.holder = lane(), None
        if self.on in _own.holds:
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

    def __init__(self, name=""):
        super().__init__("lock", name)
        self._lock = threading.Lock()

    def acquire(self, blocking=True, timeout=-1):
        wait = None if timeout < 0 else timeout
        return self._perform("acquire" if blocking else "try to acquire", lambda: self._lock.acquire(False),
                             lambda left: self._lock.acquire(True, -1 if left is None else left), wait, blocking, holds=True)

    def release(self):
        _steps.gate(f"release {self.on}")
        if self._lock.locked():
            self._let_go()
        self._lock.release()  # RuntimeError if it is not held
        _steps.moves(self.waiters[:1])

    def locked(self):
        return self._lock.locked()


class Semaphore(_Tracked):
    """threading.Semaphore: places, and no owner."""

    def __init__(self, name="", value=1):
        super().__init__("semaphore", name)
        self._semaphore = threading.Semaphore(value)

    def acquire(self, blocking=True, timeout=None):
        done = self._perform("acquire" if blocking else "try to acquire", lambda: self._semaphore.acquire(False),
                             lambda left: self._semaphore.acquire(True, left), timeout, blocking, holds=True)
        self.holder = None
        return done

    def release(self, n=1):
        _steps.gate(f"release {self.on}")
        self._let_go()
        self._semaphore.release(n)
        _steps.moves(self.waiters[:n])


class Event(_Tracked):
    """threading.Event: a flag that wakes all who wait."""

    def __init__(self, name=""):
        super().__init__("event", name)
        self._event = threading.Event()
        self.is_set, self.clear = self._event.is_set, self._event.clear

    def set(self):
        _steps.gate(f"set {self.on}")
        self._event.set()
        _steps.moves(list(self.waiters))

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
                _steps.moves(list(self.waiters))
                return place + 1
            return None

        return self._perform("wait at", last, lambda left: self._barrier.wait(timeout) + 1, timeout) - 1

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
        return self._perform("wait for", lambda: None, block, timeout)

    def wait_for(self, predicate, timeout=None):
        end = None if timeout is None else time.monotonic() + timeout
        while not (result := predicate()) and (end is None or time.monotonic() < end):
            self.wait(None if end is None else max(0, end - time.monotonic()))
        return result

    def notify(self, n=1):
        _steps.gate(f"notify {self.on}")
        self._condition.notify(n)
        _steps.moves(self.waiters[:n])

    def notify_all(self):
        self.notify(len(self.waiters))


class Queue(_Tracked):
    """queue.Queue, which is also a joinable queue: put, get, task_done, join. Empty and Full are queue.Empty, queue.Full."""

    def __init__(self, name="", maxsize=0):
        super().__init__("queue", name)
        self._queue = queue.Queue(maxsize)
        self.qsize, self.empty, self.full = self._queue.qsize, self._queue.empty, self._queue.full

    def put(self, item, block=True, timeout=None):
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
        _steps.moves(self.waiters[:1])

    def get(self, block=True, timeout=None):
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
        _steps.moves(self.waiters[:1])
        return got[0]

    def get_nowait(self):
        return self.get(block=False)

    def put_nowait(self, item):
        self.put(item, block=False)

    def task_done(self):
        _steps.gate(f"task_done on {self.on}")
        self._queue.task_done()  # ValueError if called too often
        if not self._queue.unfinished_tasks:
            _steps.moves(list(self.waiters))

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
        self._ended = os.eventfd(0) if _control is not None else None

    def start(self):
        _lanes.add(self.name)
        if _steps.active:
            _steps.moves([self.name])
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
            _lanes.discard(self.name)
            if self._ended is not None:
                os.eventfd_write(self._ended, 1)

    def join(self, timeout=None):
        if self._ended is not None and threading.current_thread() is threading.main_thread():
            end = None if timeout is None else time.monotonic() + timeout
            while not readable(self._ended) and (end is None or time.monotonic() < end):
                if asked := _hear(3600 if end is None else max(0, end - time.monotonic()), [self._ended]):
                    _pending.append(asked)
            if readable(self._ended):
                os.close(self._ended)
                self._ended = None
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
        _steps.gate(f"send into {self.on}")
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
    global _lock, _steps
    _lock, _steps = threading.Lock(), _Steps()
    _waits.clear()
    _lanes.clear()
    _own.lane = None


os.register_at_fork(after_in_child=_forget)
