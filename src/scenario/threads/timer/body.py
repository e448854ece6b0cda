"""A timer calls a function once, later; and two ways to call one again and again."""

import threading
import time

delay = 2.0
interval = 0.5
times = 6
call = 0.1


def greet():
    print(f"hello from {threading.current_thread().name}!")


def drift():
    for _ in range(times):
        time.sleep(interval)
        print(f"drift calls after {time.monotonic() - start:.2f} s")
        time.sleep(call)


def every():
    due = start
    for _ in range(times):
        due += interval
        time.sleep(max(0, due - time.monotonic()))
        print(f"every calls after {time.monotonic() - start:.2f} s")
        time.sleep(call)


hello = threading.Timer(delay, greet)
doomed = threading.Timer(2 * delay, greet)
hello.name, doomed.name = "hello", "doomed"

start = time.monotonic()
hello.start()
doomed.start()
threading.Thread(target=drift, name="drift").start()
threading.Thread(target=every, name="every").start()

time.sleep(0.8 * delay)
doomed.cancel()
print("doomed is cancelled")
