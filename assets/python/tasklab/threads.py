"""Threads, timers and pools whose threads have lanes."""

import concurrent.futures
import itertools
import os
import threading
import time

from . import control
from .events import event, state
from .lanes import finished, holding, lane, own, own_lane, started
from .stepping import steps

local = threading.local


class Thread(threading.Thread):
    """threading.Thread with a lane. In the script's first thread join() goes on taking step mode's actions."""

    def __init__(self, target=None, args=(), kwargs=None, name=None, daemon=None):
        super().__init__(target=target, args=args, kwargs=kwargs, name=name, daemon=daemon)
        event("task.started", task=self.name, sort="thread", pid=os.getpid())
        self._ended = os.eventfd(0) if control.descriptor is not None else None

    def start(self):
        steps.threads.add(self.name)
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
            steps.threads.discard(self.name)
            if self._ended is not None:
                os.eventfd_write(self._ended, 1)

    def join(self, timeout=None):
        name = own_lane() if self.is_alive() else None
        if name:
            state(name, "waiting", on="join()", held_by=self.name)
        self._join(timeout)
        if name:
            state(name, "running", on=holding(), woken_by=None if self.is_alive() else self.name)

    def _join(self, timeout):
        if self._ended is not None and threading.current_thread() is threading.main_thread():
            end = None if timeout is None else time.monotonic() + timeout
            while not control.readable(self._ended) and (end is None or time.monotonic() < end):
                if asked := control.next_action(3600 if end is None else max(0, end - time.monotonic()), [self._ended]):
                    control.pending.append(asked)
            if control.readable(self._ended):
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
        self._cancelling, self._cancelled_by = threading.Lock(), None

    def cancel(self):
        with self._cancelling:
            if not self.finished.is_set():
                self._cancelled_by = own_lane()
                self.finished.set()

    def _wait_and_call(self):
        state(self.name, "sleeping")
        if self.finished.wait(self.interval):
            state(self.name, "running", woken_by=self._cancelled_by)
        else:
            state(self.name, "running")
            self.function(*self.args, **self.kwargs)
        self.finished.set()


class ThreadPoolExecutor(concurrent.futures.ThreadPoolExecutor):
    """concurrent.futures.ThreadPoolExecutor whose workers and futures have lanes."""

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

        submitted_by, submitted = own_lane(), time.monotonic_ns()

        def work():
            state(name, "running", on=lane())
            # A task that was there before its worker came to the queue has woken nobody.
            has_woken = submitted > getattr(own, "idle_since", submitted)
            state(lane(), "running", on=name, woken_by=submitted_by if has_woken else None)
            try:
                return fn(*args, **kwargs)
            finally:
                own.idle_since = time.monotonic_ns()
                state(lane(), "waiting", on="the pool's queue")

        def done(future):
            error = None if future.cancelled() else future.exception()
            finished(name, "cancelled" if future.cancelled() else f"{type(error).__name__}: {error}" if error else "ok")

        future = super().submit(work)
        future.add_done_callback(done)
        return future
