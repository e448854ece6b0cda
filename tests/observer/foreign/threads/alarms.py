# lanes: main, egg, bell
# things: event rung
"""Timers: one that fires, one that is cancelled; and what belongs to one thread alone."""
import threading

rung = threading.Event()
own = threading.local()
own.name = "main's own"


class Box(threading.local):
    def __init__(self, size=1):
        self.size = size


box = Box(5)
box.size += 1


def ring(times, note="ding"):
    own.name = "the bell's own"
    print(" ".join([note] * times), own.name, box.size)
    rung.set()


egg = threading.Timer(3600, ring, args=(1,))
egg.name = "egg"
egg.start()
egg.cancel()
egg.join()
print("egg:", egg.finished.is_set(), egg.is_alive(), egg.interval)
bell = threading.Timer(0.01, ring, [2], {"note": "dong"})
bell.name = "bell"
bell.daemon = True
bell.start()
rung.wait()
bell.join()
print(own.name, box.size, hasattr(own, "other"))
thread = threading.Thread(target=lambda: print("a stranger has", vars(own)))
thread.start()
thread.join()
try:
    own.other
except AttributeError as error:
    print(error)
