# lanes: main, renamed
"""Puts things of its own in the place of the library's, and puts them back."""
import contextlib
import io
import queue
import subprocess
import sys
import threading
import time
from unittest import mock

slept = []
with mock.patch("time.sleep", slept.append):
    time.sleep(3600)
    threading.Timer(0, lambda: time.sleep(7200)).run()
print(slept)


class CountedLock:
    made = 0

    def __init__(self):
        CountedLock.made += 1
        self.inner = real_lock()

    def __enter__(self):
        return self.inner.acquire()

    def __exit__(self, *error):
        self.inner.release()

    def __getattr__(self, name):
        return getattr(self.inner, name)


real_lock, threading.Lock = threading.Lock, CountedLock
belt = queue.Queue()
belt.put(1)
print(belt.get(), CountedLock.made, type(belt.mutex).__name__)
threading.Lock = real_lock
print(type(queue.Queue().mutex) is CountedLock)
with contextlib.redirect_stdout(io.StringIO()) as captured:
    thread = threading.Thread(target=print, args=("captured",), name="renamed")
    thread.name += "!"
    thread.name = "renamed"
    thread.start()
    thread.join()
print(repr(captured.getvalue()))
start, started = threading.Thread.start, []
threading.Thread.start = lambda self: (started.append(self.name), start(self))[1]
threading.Thread(target=lambda: None, name="one").start()
threading.Thread.start = start
print(started, threading.Thread.start is start)
with mock.patch.object(subprocess.Popen, "communicate", return_value=(b"mocked", None)):
    print(subprocess.run(["true"], stdout=subprocess.PIPE).stdout)
with mock.patch("builtins.input", return_value="no person"):
    print(input("? "))
event = mock.create_autospec(threading.Event, instance=True)
event.wait.return_value = False
print(event.wait(timeout=5), event.wait.call_args, isinstance(event, threading.Event))
saved = sys.modules.pop("queue")
import queue as again  # noqa: E402

print(again is saved, issubclass(again.Empty, Exception), again.Queue is queue.Queue)
