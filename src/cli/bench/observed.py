"""What the observer costs: the program that `tasklab bench` runs observed and plain.

    observed.py locks COUNT            takes and lets go of a lock that nobody else wants
    observed.py work COUNT             works for so many steps
    observed.py contended COUNT STEPS  four threads take one lock COUNT times in all, and work for so many steps with it and without

It prints the seconds that took. It imports as little as a small program does.
"""

import sys
import threading
import time

THREADS = 4


def locks(count):
    lock = threading.Lock()
    start = time.perf_counter()
    for _ in range(count):
        with lock:
            pass
    return time.perf_counter() - start


def work(steps):
    start = time.perf_counter()
    for _ in range(steps):
        pass
    return time.perf_counter() - start


def contended(count, steps):
    lock = threading.Lock()

    def take_turns():
        for _ in range(count // THREADS):
            with lock:
                work(steps)
            work(steps)

    threads = [threading.Thread(target=take_turns) for _ in range(THREADS)]
    start = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return time.perf_counter() - start


name, *numbers = sys.argv[1:]
print({"locks": locks, "work": work, "contended": contended}[name](*map(int, numbers)))
