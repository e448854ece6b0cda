"""A semaphore lets a few threads in at a time, and the others wait at the door."""

import threading
import time

threads = 8
permits = 3
visits = 4
stay = 0.5
pause = 1.8

door = threading.Semaphore(permits)
gate = threading.BoundedSemaphore(permits)


def visit():
    for _ in range(visits):
        with door:
            time.sleep(stay)
        time.sleep(0.1)


visitors = [threading.Thread(target=visit, name=f"visitor-{n}") for n in range(1, threads + 1)]
for thread in visitors:
    thread.start()

time.sleep(pause)
door.release()
print("main adds a permit")

for thread in visitors:
    thread.join()

try:
    gate.release()
except ValueError as error:
    print(f"bounded semaphore: {error}")
