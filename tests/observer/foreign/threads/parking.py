# lanes: main, car-1, car-2, car-3, late
# things: semaphore places, semaphore gates
# waits: late: semaphore places
# ops: late: acquire semaphore places = false; main: release semaphore gates = ValueError
"""Semaphores, and one that counts who gives back too much."""
import threading

places = threading.Semaphore(3)
gates = threading.BoundedSemaphore(value=1)
parked = threading.Barrier(4)
leave = threading.Event()


def park():
    with places:
        parked.wait()
        leave.wait()


def come_late():
    print("late:", places.acquire(timeout=0.05), places.acquire(blocking=False))


cars = [threading.Thread(target=park, name=f"car-{n}") for n in range(1, 4)]
for car in cars:
    car.start()
parked.wait()
late = threading.Thread(target=come_late, name="late")
late.start()
late.join()
leave.set()
for car in cars:
    car.join()
print("free again:", [places.acquire(False) for _ in range(4)])
places.release(3)

gates.acquire()
gates.release()
try:
    gates.release()
except ValueError as error:
    print(type(error).__name__, error)
try:
    threading.Semaphore(-1)
except ValueError as error:
    print(error)
try:
    places.release(0)
except ValueError as error:
    print(error)
try:
    places.acquire(blocking=False, timeout=1)
except ValueError as error:
    print(error)
