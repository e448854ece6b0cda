# lanes: main
# notices: may come
"""Imports a library that replaces Python's own threads: the observer takes back what it has put in place."""
import threading
import time

before = threading.Lock()
import gevent  # noqa: E402

gevent.patch()
after = threading.Lock()
with before, after:
    print(type(after).__name__, threading.Lock.__name__, hasattr(time.sleep, "__wrapped__"), hasattr(threading.Thread.start, "__wrapped__"))
thread = threading.Thread(target=print, args=("ran",))
thread.start()
thread.join()
