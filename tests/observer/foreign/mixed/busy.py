# lanes: main, counter-1, counter-2, counter-3, counter-4
# things: lock total_lock
"""Many operations in a short time, by four threads."""
import queue
import threading
import time

total, total_lock = 0, threading.Lock()
belt = queue.Queue(100)


def count(times):
    global total
    for _ in range(times):
        with total_lock:
            total += 1


def pass_on():
    for item in iter(belt.get, None):
        assert item >= 0


began = time.monotonic()
threads = [threading.Thread(target=count, args=(5000,), name=f"counter-{n}") for n in range(1, 5)]
threads.append(threading.Thread(target=pass_on, name="taker"))
for thread in threads:
    thread.start()
for item in range(5000):
    belt.put(item)
belt.put(None)
for thread in threads:
    thread.join()
print(total, belt.qsize(), time.monotonic() - began < 60)
