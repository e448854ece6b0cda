# lanes: main
"""What programs ask of the types and texts of locks and their like."""
import _thread
import copy
import os
import pickle
import queue
import re
import signal
import subprocess
import threading
import time
import weakref

LockType = type(threading.Lock())
RLockType = type(threading.RLock())
lock, rlock, event = threading.Lock(), threading.RLock(), threading.Event()
semaphore, condition = threading.Semaphore(2), threading.Condition()


def shown(thing):
    return re.sub(r"0x[0-9a-f]+", "0x…", re.sub(r"owner=\d+", "owner=…", repr(thing)))


print(isinstance(lock, LockType), isinstance(rlock, RLockType), isinstance(lock, RLockType))
print(type(lock) is type(threading.Lock()), isinstance(lock, _thread.LockType), isinstance(threading.Event, type))
print(type(lock).__name__, type(rlock).__name__, type(event).__qualname__)
for thing in (lock, rlock, event, semaphore, condition, threading.Barrier(2)):
    print(shown(thing))
with lock, rlock:
    print(shown(lock), shown(rlock))
for thing in (lock, rlock, event, threading.local()):
    for attempt in (pickle.dumps, copy.copy, copy.deepcopy):
        try:
            attempt(thing)
            print(attempt.__name__, "works")
        except TypeError as error:
            print(attempt.__name__, error)
for made in (threading.Lock, threading.RLock, threading.Event, threading.Thread, queue.Queue, queue.SimpleQueue, time.sleep, os.waitpid,
             subprocess.run, signal.signal, threading.current_thread):
    print(pickle.loads(pickle.dumps(made)) is made)
print(weakref.ref(lock)() is lock, weakref.ref(event)() is event, hash(lock) == hash(lock), lock == lock, lock != rlock)
for wrong in (lambda: lock.acquire(True, -5), lambda: lock.acquire(False, 1), lambda: lock.acquire(timeout="soon"),
              lambda: threading.Thread(target=print).join(), lambda: threading.Thread(group=1),
              lambda: threading.current_thread().join(), lambda: event.fly()):
    try:
        wrong()
    except Exception as error:
        print(type(error).__name__, error)
for wrong in (lambda: lock.fly(), lambda: threading.Lock(3), lambda: setattr(lock, "owner", "me")):
    try:
        wrong()
    except Exception as error:
        print(type(error).__name__)
print(sorted(name for name in dir(lock) if not name.startswith("_")))
print(hasattr(lock, "__enter__"), callable(lock.acquire), lock.acquire.__name__, lock.acquire.__self__ is lock)
table = {lock: "lock", rlock: "rlock"}
print(table[lock], rlock in table, len({lock, rlock, lock}), bool(lock))
del lock
