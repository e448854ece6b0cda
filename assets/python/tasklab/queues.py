"""The primitives that carry something from one task to another."""

import queue

from .lanes import checkpoint
from .stepping import steps
from .tracked import Tracked, is_watched

Empty, Full = queue.Empty, queue.Full


class Queue(Tracked):
    """queue.Queue, which is also a joinable queue: put, get, task_done, join. Empty and Full are queue.Empty, queue.Full."""

    def __init__(self, name="", maxsize=0):
        super().__init__("queue", name)
        self._queue = queue.Queue(maxsize)
        self.qsize, self.empty, self.full = self._queue.qsize, self._queue.empty, self._queue.full

    def put(self, item, block=True, timeout=None):
        if not is_watched():
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
        if not is_watched():
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
        checkpoint(f"task_done on {self.on}")
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


class _PipeEnd(Tracked):
    """One end of multiprocessing.Pipe(): send, recv (EOFError when the other end is closed), poll, close, fileno."""

    def __init__(self, name, connection):
        super().__init__("pipe", name)
        self._connection = connection
        self.poll, self.close, self.fileno = connection.poll, connection.close, connection.fileno

    def send(self, message):
        checkpoint(f"send into {self.on}")
        self._connection.send(message)

    def recv(self):
        self._perform("receive from", self._connection.poll, lambda left: self._connection.poll(left))
        return self._connection.recv()


def Pipe(name="", duplex=True):
    """multiprocessing.Pipe(): two ends, which also work across a fork."""
    import multiprocessing  # Here, since it takes long to import and few scripts have a pipe.

    return tuple(_PipeEnd(name, connection) for connection in multiprocessing.Pipe(duplex))
