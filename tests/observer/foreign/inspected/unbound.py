# lanes: main, adder, later
# things: lock my_lock
# waits: later: lock my_lock held by adder
# ends: adder: UnboundLocalError
"""A counter without `global`: the thread fails while it holds the lock, and nobody gets it any more."""
import threading

my_lock = threading.Lock()
counter = 0


def add():
    my_lock.acquire()
    counter = counter + 1
    my_lock.release()


def try_later():
    if not my_lock.acquire(timeout=0.05):
        print("still held, and counter is", counter)


for target, name in ((add, "adder"), (try_later, "later")):
    thread = threading.Thread(target=target, name=name)
    thread.start()
    thread.join()
print(my_lock.locked(), my_lock.acquire(blocking=False))
my_lock.release()
