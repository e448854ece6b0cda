"""Process groups: a signal to one process, and a signal to a whole group."""
import multiprocessing
import os
import time
from signal import Signals

members = 3
signal = "SIGTERM"
life = 6.0
pause = 1.5

fork = multiprocessing.get_context("fork")
number = Signals[signal]


def live():
    time.sleep(life)


def live_in_a_session():
    os.setsid()
    time.sleep(life)


def start(name, target=live):
    process = fork.Process(target=target, name=name)
    process.start()
    return process


def make_group(letter):
    group = [start(f"{letter}-{place}") for place in range(1, members + 1)]
    for process in group:
        os.setpgid(process.pid, group[0].pid)
    return group


a, b = make_group("a"), make_group("b")
s = start("s-1", live_in_a_session)
print(f"groups {a[0].pid}, {b[0].pid} and {s.pid}; the parent's: {os.getpgrp()}")
time.sleep(pause)

print(f"{signal} to process {b[0].pid}: {b[0].name} alone")
os.kill(b[0].pid, number)
time.sleep(pause)

print(f"{signal} to group {a[0].pid}: all of a")
os.killpg(a[0].pid, number)

for process in [*a, *b, s]:
    process.join()
    print(f"{process.name} left with {process.exitcode}")
