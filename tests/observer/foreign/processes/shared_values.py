# lanes: main, adder-1, adder-2, failing, sleeper, Process-5
# things: lock guard
# waits: sleeper: lock guard held by main
# ops: sleeper: acquire lock guard = false
"""Forked processes that share a number and a lock; exit codes; one that is terminated."""
import multiprocessing
import signal
import sys
import time
from multiprocessing import Array, Event, Lock, Process, Value

multiprocessing.set_start_method("fork")
guard = Lock()
total = Value("i", 0)
cells = Array("d", 3)
born = Event()


def add(times):
    for _ in range(times):
        with total.get_lock():
            total.value += 1
    with guard:
        cells[times % 3] = times / 2


class Failing(Process):
    def run(self):
        raise LookupError(self.name)


def sleep():
    print("sleeper gets the lock:", guard.acquire(timeout=0.05), flush=True)
    born.set()
    time.sleep(600)


adders = [Process(target=add, args=(n,), name=f"adder-{n - 99}") for n in (100, 101)]
for process in adders:
    process.start()
for process in adders:
    process.join()
print(total.value, cells[:], [process.exitcode for process in adders], flush=True)
failing = Failing(name="failing")
failing.start()
failing.join()
with guard:
    sleeper = Process(target=sleep, name="sleeper", daemon=True)
    sleeper.start()
    born.wait()
print(failing.exitcode, sleeper.is_alive(), [child.name for child in multiprocessing.active_children()])
sleeper.terminate()
sleeper.join()
print(sleeper.exitcode == -signal.SIGTERM, multiprocessing.active_children(), flush=True)
last = Process(target=sys.exit, args=("with a text",))
last.start()
last.join()
print(last.name, last.exitcode)
