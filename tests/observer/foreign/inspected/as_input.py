# lanes: main, worker
# things: event go
# waits: worker: event go
# as: input
# argv: one
# exit: 2
"""Comes by the standard input."""
import sys
import threading

go = threading.Event()
worker = threading.Thread(target=lambda: print(go.wait(0.05)), name="worker")
worker.start()
worker.join()
print(sys.argv, __name__, "__file__" in globals())
sys.exit(2)
