# lanes: none
# notices: may come
# options: -I
"""Runs where no variable of the environment counts."""
import sys
import threading

lock = threading.Lock()
with lock:
    worker = threading.Thread(target=print, args=("worker", lock.locked()))
    worker.start()
    worker.join()
print(sys.flags.isolated, sys.flags.ignore_environment)
