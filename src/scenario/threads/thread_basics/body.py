"""Threads are made, named, started, asked and joined; one fails, and one crashes its process."""

import multiprocessing
import os
import threading
import time

threads = 3
name = "th"
comma = True
life = 2.0
pause = 1.2

shared = []


def work(*args):
    time.sleep(life)
    shared.append(args)


class Clock(threading.Thread):
    def run(self):
        for tick in range(1, 5):
            time.sleep(life / 4)
            print(f"{self.name}: tick {tick}")


def fail():
    time.sleep(pause)
    return 1 / 0


def crash():
    time.sleep(pause)
    os.abort()


def two_threads(function):
    quiet = threading.Thread(target=time.sleep, args=(2 * pause,), name="quiet")
    faulty = threading.Thread(target=function, name="faulty")
    quiet.start()
    faulty.start()
    quiet.join()


args = ("T1",) if comma else ("T1")
made = [threading.Thread(target=work, args=args, name=f"{name}{n}") for n in range(1, threads + 1)]
clock = Clock()
clock.setName("clock")  # deprecated since Python 3.10: now one writes clock.name = "clock"
print(f"{threads + 1} threads are made, active: {threading.active_count()}")
time.sleep(pause)

for thread in [*made, clock]:
    thread.start()
made[0].join(timeout=0.7)
print(f"after 0.7 s {name}1 is alive: {made[0].is_alive()}")
for thread in [*made, clock]:
    thread.join()
print(f"{name}1 is alive: {made[0].is_alive()}; shared: {shared}")

fork = multiprocessing.get_context("fork")
tests = [fork.Process(target=two_threads, args=(function,), name=f"{function.__name__}-test") for function in (fail, crash)]
for process in tests:
    process.start()
for process in tests:
    process.join()
    print(f"{process.name} has ended with exit code {process.exitcode}")
