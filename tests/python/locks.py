"""Threads that wait in the C library, for tests: locks.py MODE.

It says `NAME TID` of each thread, and `THING ADDRESS`, before anything waits, then `ready`. It knows nothing of Task Lab.
"""

import ctypes
import os
import sys
import threading
import time

libc = ctypes.CDLL("libc.so.6", use_errno=True)
# Up to glibc 2.33 the threads are a library of their own.
threads = libc if hasattr(libc, "pthread_mutexattr_settype") and hasattr(libc, "sem_wait") else ctypes.CDLL("libpthread.so.0")
mode = sys.argv[1]
RECURSIVE, ERROR_CHECKING, ADAPTIVE = 1, 2, 3


def say(*words):
    """A line in one piece: several threads speak."""
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()


class Timespec(ctypes.Structure):
    _fields_ = [("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long)]


def thing(name, size=48):
    """Zeros, which are an initialised mutex, condition or semaphore."""
    memory = (ctypes.c_ulonglong * (size // 8))()
    say(name, hex(ctypes.addressof(memory)))
    return memory


def mutex(name, **attributes):
    made, attribute = thing(name), (ctypes.c_ulonglong * 8)()
    threads.pthread_mutexattr_init(attribute)
    for key, value in attributes.items():
        threads["pthread_mutexattr_set" + key](attribute, value)
    threads.pthread_mutex_init(made, attribute)
    return made


def start(name, *steps):
    """A thread with this name that takes each step: a function and its arguments."""
    named = threading.Event()

    def run():
        libc.prctl(15, name.encode(), 0, 0, 0)
        say(name, threading.get_native_id())
        named.set()
        for function, *arguments in steps:
            function(*arguments)

    threading.Thread(target=run, daemon=True).start()
    named.wait()


lock, unlock = threads.pthread_mutex_lock, threads.pthread_mutex_unlock


def meet(count):
    """A step at which threads meet, so that each has its first lock before any wants its second."""
    barrier = threading.Barrier(count)
    return (lambda: (barrier.wait(), say("met")),)


def within(seconds):
    now = time.clock_gettime(time.CLOCK_REALTIME) + seconds
    return Timespec(int(now), int(now % 1 * 1e9))


def timed(wanted, seconds):
    """A step that wants a mutex for so long."""
    return (lambda: threads.pthread_mutex_timedlock(wanted, ctypes.byref(within(seconds))),)


if mode in ("deadlock", "given-up"):
    a, b, together = mutex("a"), mutex("b"), meet(2)
    wants_b = (lock, b) if mode == "deadlock" else timed(b, 2)
    start("left", (lock, a), together, wants_b, (unlock, a), (time.sleep, 300))
    start("right", (lock, b), together, (lock, a), (time.sleep, 300))
elif mode == "condition":
    # Behind it, as structures often have it: the mutex, which another thread owns meanwhile.
    both, together = thing("both", 96), meet(2)
    condition, a = ctypes.byref(both, 0), ctypes.byref(both, 48)
    start("holder", together, (lock, a), (time.sleep, 300))
    start("waiter", (lock, a), together, (threads.pthread_cond_wait, condition, a))
else:
    kinds = {
        "recursive": {"type": RECURSIVE},
        "error-checking": {"type": ERROR_CHECKING},
        "adaptive": {"type": ADAPTIVE},
        "robust": {"robust": 1},
        "inheriting": {"protocol": 1},
        "shared": {"pshared": 1},
    }
    a, together, a_while = mutex("a", **kinds.get(mode, {})), meet(2), 300
    waits = [(lock, a)]
    holds = [(lock, a)]
    if mode == "timed":
        waits = [timed(a, 300)]
    elif mode == "itself":
        waits, holds = [(lock, a), (lock, a)], []
    elif mode == "abandoned":
        a_while = 0.7
    elif mode == "semaphore":
        waits, holds = [(threads.sem_wait, thing("s"))], []
    elif mode == "reading":
        rw = thing("rw", 56)
        waits, holds = [(threads.pthread_rwlock_wrlock, rw)], [(threads.pthread_rwlock_rdlock, rw)]
    elif mode == "python":
        python = threading.Lock()
        waits, holds = [(python.acquire,)], [(python.acquire,)]
    elif mode in ("join", "ended"):
        # Threads that know no Python: one waits for ever, one locks the mutex and ends.
        of_c, routine = ctypes.c_void_p(), ctypes.cast(libc.pause if mode == "join" else lock, ctypes.c_void_p)
        before = set(os.listdir("/proc/self/task"))
        threads.pthread_create(ctypes.byref(of_c), None, routine, a)
        if mode == "join":
            (tid,) = set(os.listdir("/proc/self/task")) - before
            say("of-c", tid)
            waits, holds = [(threads.pthread_join, of_c, None)], []
        else:
            threads.pthread_join(of_c, None)
            holds = []
    start("holder", *holds, together, (time.sleep, a_while))
    start("waiter", together, *waits, (time.sleep, 300))
say("ready")
time.sleep(300)
