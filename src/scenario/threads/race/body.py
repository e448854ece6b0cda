"""Several threads add to one counter: each reads it, works, and writes back one more."""

import contextlib
import hashlib
import threading
import time

workers = 4
rounds = 5
updates = 150
gap = 200
outside = 600
pause = 0.5

counter = 0
lost = 0
counter_lock = threading.Lock()


def work(amount):
    hashlib.pbkdf2_hmac("sha256", b"raspberry", b"pi", amount)
    return 1


def count(guard):
    global counter
    for _ in range(updates):
        work(outside)
        with guard:
            counter = counter + work(gap)  # reads counter, works, and then writes


def race(title, guard):
    global counter, lost
    counter = 0
    threads = [threading.Thread(target=count, args=(guard,), name=f"worker-{n}") for n in range(1, workers + 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    missing = workers * updates - counter
    lost += missing
    print(f"{title}: {workers * updates} updates, counter {counter}, lost {missing}")
    time.sleep(pause)


for number in range(1, rounds + 1):
    race(f"round {number}", contextlib.nullcontext())
race("with the lock", counter_lock)
