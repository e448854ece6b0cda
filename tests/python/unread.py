"""A reader that does not read keeps no thread from a lock. The first argument is the shim's folder."""

import fcntl
import os
import sys
import threading
import time

reader, writer = os.pipe()
fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
os.environ["TASKLAB_EVENTS"] = str(writer)
sys.path.insert(0, sys.argv.pop(1))
import tasklab

taken, lock, may_begin = [], tasklab.Lock("a"), threading.Event()


def use():
    name = threading.current_thread().name
    tasklab.started(name)
    opened.release()
    may_begin.wait()
    lock.acquire()
    taken.append(name)
    while len(taken) == 1 and not lock.waiters and time.monotonic() < end:
        time.sleep(0.001)
    lock.release()
    tasklab.finished(name)


end, opened = time.monotonic() + 60, threading.Semaphore(0)
threads = [threading.Thread(target=use, name=name) for name in ("first", "second")]
for thread in threads:
    thread.start()
for thread in threads:
    opened.acquire()
os.set_blocking(writer, False)
try:
    while True:
        os.write(writer, b"\n")
except BlockingIOError:
    os.set_blocking(writer, True)
may_begin.set()
while len(taken) < 2 and time.monotonic() < end:
    time.sleep(0.001)
found = sorted(taken)
# The threads end only if somebody reads, whether the promise is kept or not.
text = b""
while text.count(b"task.finished") < 2:
    text += os.read(reader, 4096)
for thread in threads:
    thread.join()
print(*found, text.count(b'"state":"running","on":"lock a"'), text.count(b'"waiting"'), text.count(b"woken_by"))
