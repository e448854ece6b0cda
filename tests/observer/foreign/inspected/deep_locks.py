# lanes: main
"""Many locks, one within another, until the stack is at its end: each is let go."""
import threading

locks = [threading.Lock() for _ in range(2000)]


def within(n):
    with locks[n]:
        return within(n + 1)


def acquired(n):
    locks[n].acquire()
    try:
        return acquired(n + 1)
    finally:
        locks[n].release()


def in_time(n):
    locks[n].acquire(timeout=5)
    try:
        return in_time(n + 1)
    finally:
        locks[n].release()


def busy(n):
    for _ in range(300):
        with locks[1999]:
            pass
    within(n)


for function in (within, acquired, in_time, busy):
    try:
        function(0)
    except RecursionError:
        print(function.__name__, sum(lock.locked() for lock in locks))
