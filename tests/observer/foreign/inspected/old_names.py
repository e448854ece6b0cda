# lanes: main, t1, t2
# things: lock lc
"""Writes as one did long ago: the warnings name this file and these lines."""
import threading
import warnings
from threading import *

lc = threading.Lock()


class MyThread(threading.Thread):
    def run(self):
        lc.acquire()
        print("in", self.getName(), self.name)
        lc.release()


th1 = MyThread()
th1.setName("t1")
th1.start()
th1.join()
th2 = Thread(target=lambda *args: print("got", args), args="T2")
th2.setDaemon(False)
th2.setName("t2")
th2.start()
th2.join()
print(th2.isDaemon(), threading.currentThread().getName(), threading.activeCount())
flag = Event()
flag.set()
print(flag.isSet())
room = Condition()
with room:
    room.notifyAll()
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    flag.isSet()
    warnings.warn("made by the program", UserWarning, stacklevel=1)
print([(warning.category.__name__, warning.filename == __file__, warning.lineno) for warning in caught])
warnings.warn("seen by all")
try:
    threading.thread(target=print)
except AttributeError as error:
    print(error)
