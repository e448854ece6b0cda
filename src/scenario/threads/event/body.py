"""Threads wait for a flag, which main raises and takes down."""

import threading
import time

waiters = 4
work = 0.8
pause = 1.2
times = 2

go = threading.Event()
is_up = go.is_set()


def wait_and_work():
    while True:
        go.wait()
        print(f"{threading.current_thread().name} goes on")
        time.sleep(work)


# A daemon thread ends with the program, wherever it waits.
threads = [threading.Thread(target=wait_and_work, name=f"waiter-{n}", daemon=True) for n in range(1, waiters + 1)]
for thread in threads:
    thread.start()

for _ in range(times):
    time.sleep(pause)
    print("set() gives", go.set())
    is_up = go.is_set()
    print("is_set() says", is_up)
    time.sleep(pause)
    go.clear()
    is_up = go.is_set()
    print("is_set() says", is_up)
time.sleep(pause)
