# lanes: main, cook, waiter-1, waiter-2, guest
# things: condition counter
# waits: guest: condition counter
# ops: guest: wait condition counter = false
"""Plates on a counter: a condition with its lock, and one that is entered again by the thread that has it."""
import threading

counter = threading.Condition()
pass_lock = threading.RLock()
hatch = threading.Condition(pass_lock)
plates = []
served = []


def cook():
    for dish in ("soup", "fish", "cake", "tea"):
        with counter:
            plates.append(dish)
            counter.notify()
    with counter:
        plates.extend([None, None])
        counter.notify_all()


def serve():
    while True:
        with counter:
            counter.wait_for(lambda: plates)
            dish = plates.pop(0)
        if dish is None:
            return
        with pass_lock:
            with hatch:
                served.append(dish)
                hatch.notify_all()


def ask_early():
    with counter:
        print("guest: plates come in time?", counter.wait(timeout=0.05))
        print("guest:", counter.wait_for(lambda: bool(plates), timeout=0.05))


guest = threading.Thread(target=ask_early, name="guest")
guest.start()
guest.join()
waiters = [threading.Thread(target=serve, name=f"waiter-{n}") for n in (1, 2)]
for waiter in waiters:
    waiter.start()
threading.Thread(target=cook, name="cook").start()
with hatch:
    hatch.wait_for(lambda: len(served) == 4)
for waiter in waiters:
    waiter.join()
print(sorted(served))
for call in (counter.wait, counter.notify, pass_lock.release):
    try:
        call()
    except RuntimeError as error:
        print(call.__name__, error)
