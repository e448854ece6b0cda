# lanes: main, clerk-1, clerk-2
# things: lock stock.lock
"""Locks inside a decorator, a dataclass, a context manager and a generator."""
import contextlib
import functools
import threading
from dataclasses import dataclass, field


def locked(function):
    lock = threading.RLock()

    @functools.wraps(function)
    def call(*args, **kwargs):
        with lock:
            return function(*args, **kwargs)

    call.lock = lock
    return call


@dataclass
class Stock:
    name: str
    pieces: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)

    def add(self, pieces):
        with self.lock:
            self.pieces += pieces


class Opened:
    def __init__(self, name):
        self.name, self._lock = name, threading.Lock()

    def __enter__(self):
        self._lock.acquire()
        return self.name

    def __exit__(self, kind, error, trace):
        self._lock.release()
        return kind is LookupError


@contextlib.contextmanager
def borrowed(lock, log):
    with lock:
        log.append("taken")
        try:
            yield len(log)
        finally:
            log.append("back")


@locked
def factorial(n):
    """Enters its own lock n times."""
    return 1 if n < 2 else n * factorial(n - 1)


stock = Stock("screws")
clerks = [threading.Thread(target=lambda: [stock.add(1) for _ in range(100)], name=f"clerk-{n}") for n in (1, 2)]
for clerk in clerks:
    clerk.start()
for clerk in clerks:
    clerk.join()
print(stock, stock == Stock("screws", 200), factorial(20), factorial.__name__, factorial.__doc__)
with Opened("drawer") as name:
    print(name)
    raise LookupError("swallowed")
log = []
with borrowed(stock.lock, log) as count, contextlib.suppress(ValueError):
    raise ValueError(count)
print(log, stock.lock.locked())


def numbers(lock):
    with lock:
        yield from range(3)


some = numbers(stock.lock)
print(next(some), stock.lock.locked())
some.close()
print(stock.lock.locked())
