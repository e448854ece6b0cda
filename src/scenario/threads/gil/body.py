"""Workers compute in Python, in C and in processes of their own, and wait: how many cores do they keep busy together?"""

import hashlib
import multiprocessing
import os
import sys
import threading
import time

try:
    import numpy
except ImportError:
    numpy = None

workers = 4
span = 0.8
interval = 5
affinity = 0

latest = None
turns = number = 0


def count():
    global latest, turns
    end = time.monotonic() + span
    while time.monotonic() < end:
        if latest != threading.current_thread().name:  # Another thread has had its turn.
            latest = threading.current_thread().name
            turns += 1


def hash_in_c():
    data, end = bytes(4_000_000), time.monotonic() + span
    while time.monotonic() < end:
        hashlib.sha256(data)


def use_numpy():
    data, end = numpy.arange(500_000.0), time.monotonic() + span
    while time.monotonic() < end:
        numpy.sin(data)


def add():
    global number
    for _ in range(50):
        seen = number
        time.sleep(0.002)
        number = seen + 1


def run_together(kind, make, work):
    tasks = [make(target=work, name=f"{kind}-{n}") for n in range(1, workers + 1)]
    began, cpu = time.monotonic(), sum(os.times()[:4])
    for task in tasks:
        task.start()
    for task in tasks:
        task.join()
    cores = (sum(os.times()[:4]) - cpu) / (time.monotonic() - began)
    print(f"{kind}: {cores:.1f} cores busy")
    time.sleep(0.3)


sys.setswitchinterval(interval / 1000)
os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: affinity or None])
has_gil = getattr(sys, "_is_gil_enabled", lambda: True)()
print("This Python has a GIL" if has_gil else "This Python has no GIL")

run_together("count", threading.Thread, count)
print(f"The threads took {turns} turns")
run_together("process", multiprocessing.get_context("fork").Process, count)
run_together("hash", threading.Thread, hash_in_c)
if numpy:
    run_together("numpy", threading.Thread, use_numpy)
else:
    print("numpy is not installed here")
run_together("wait", threading.Thread, lambda: time.sleep(span))
run_together("add", threading.Thread, add)
print(f"{number} of {workers * 50} additions are in")
