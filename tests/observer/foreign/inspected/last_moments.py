# lanes: main, at-exit
# exit: 6
"""Uses locks and threads while Python ends: in functions for the exit, in finalizers, and when globals go."""
import atexit
import sys
import threading
import weakref

lock = threading.Lock()


class Guest:
    def __init__(self, name):
        self.name, self.lock = name, threading.Lock()

    def __del__(self, write=sys.stdout.write):
        with self.lock:
            write(f"{self.name} leaves\n")


def close():
    with lock:
        print("closed")
    try:
        thread = threading.Thread(target=print, args=("a late thread",), name="late")
        thread.start()
        thread.join()
    except RuntimeError:
        print("no thread so late")


def before():
    with lock:
        print("before the end:", threading.current_thread().name)


atexit.register(close)
stay = Guest("a global guest")
go = Guest("a deleted guest")
weakref.finalize(stay, print, "stay is gone")
thread = threading.Thread(target=before, name="at-exit")
thread.start()
thread.join()
del go
sys.stderr.write("going\n")
raise SystemExit(6)
