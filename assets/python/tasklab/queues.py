"""The primitives that carry something from one task to another."""

import collections
import queue

from .events import state
from .lanes import checkpoint, holding, lane, own_lane
from .stepping import steps
from .tracked import Freed, Tracked, is_watched

Empty, Full = queue.Empty, queue.Full
NOT_EMPTY, NOT_FULL, ALL_DONE = range(3)  # the changes that tasks wait for


class Queue(Tracked):
    """queue.Queue, which is also a joinable queue: put, get, task_done, join. Empty and Full are queue.Empty, queue.Full."""

    def __init__(self, name="", maxsize=0):
        super().__init__("queue", name, sides=3)
        self.maxsize, self.unfinished_tasks = maxsize, 0
        self._items = collections.deque()  # each with the task that put it
        self._room = Freed(maxsize) if maxsize > 0 else None
        self._done_by = None  # the task that called the last unfinished item done

    def qsize(self):
        return len(self._items)

    def empty(self):
        return not self._items

    def full(self):
        return self._room is not None and not self._room.count

    def put(self, item, block=True, timeout=None):
        def attempt():
            if self.full():
                return None
            made_by = self._room.take() if self._room else None
            self._items.append((item, own_lane()))
            self.unfinished_tasks += 1
            self._sides[NOT_EMPTY].notify()
            return True, made_by

        if not self._perform("put into", attempt, timeout, block, side=NOT_FULL):
            raise Full
        steps.moves(self.waiters[:1])

    def get(self, block=True, timeout=None):
        def attempt():
            if not self._items:
                return None
            item, put_by = self._items.popleft()
            if self._room:
                self._room.add(own_lane())
                self._sides[NOT_FULL].notify()
            return (item,), put_by

        got = self._perform("get from", attempt, timeout, block, side=NOT_EMPTY)
        if not got:
            raise Empty
        steps.moves(self.waiters[:1])
        return got[0]

    def get_nowait(self):
        return self.get(block=False)

    def put_nowait(self, item):
        self.put(item, block=False)

    def task_done(self):
        checkpoint(f"task_done on {self.on}")
        with self._mutex:
            if not self.unfinished_tasks:
                raise ValueError("task_done() called too many times")
            self.unfinished_tasks -= 1
            if self.unfinished_tasks:
                return
            self._done_by = own_lane()
            self._sides[ALL_DONE].notify_all()
        steps.moves(list(self.waiters))

    def join(self):
        self._perform("join", lambda: None if self.unfinished_tasks else (True, self._done_by), side=ALL_DONE)


JoinableQueue = Queue


class _PipeEnd:
    """One end of multiprocessing.Pipe(): send, recv (EOFError when the other end is closed), poll, close, fileno. A message takes
    the name of the task that sent it along."""

    holder = None

    def __init__(self, name, connection):
        self.on = f"pipe {name}" if name else "pipe"
        self._connection = connection
        self.poll, self.close, self.fileno = connection.poll, connection.close, connection.fileno

    def send(self, message):
        checkpoint(f"send into {self.on}")
        self._connection.send((own_lane(), message))

    def recv(self):
        sent_by = name = None
        if is_watched():
            checkpoint(f"receive from {self.on}")
            if not self._connection.poll():
                name = lane()
                state(name, "waiting", on=self.on)
                steps.waits[name] = (self,)
                steps.settled(name)
        try:
            sent_by, message = self._connection.recv()
            return message
        finally:
            if name:
                steps.waits.pop(name, None)
                steps.moves([name])
                state(name, "running", on=holding(), woken_by=sent_by)


def Pipe(name="", duplex=True):
    """multiprocessing.Pipe(): two ends, which also work across a fork."""
    import multiprocessing  # Here, since it takes long to import and few scripts have a pipe.

    return tuple(_PipeEnd(name, connection) for connection in multiprocessing.Pipe(duplex))
