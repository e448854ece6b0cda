# lanes: main, worker
# things: lock counter
# waits: worker: lock counter held by main
# as: text
# exit: 1
"""Comes as a text behind -c."""
import sys
import threading

counter = threading.Lock()


def work():
    print("worker:", counter.acquire(timeout=0.05))


with counter:
    worker = threading.Thread(target=work, name="worker")
    worker.start()
    worker.join()
print(sys.argv, __name__, "__file__" in globals(), sys.path[0])
with counter:
    raise LookupError("without a line of source")
