# lanes: main, endless, waiting, last
# exit: 3
"""Threads that are still there at the end: the daemons are left, the other one is waited for; then the last words are said."""
import atexit
import sys
import threading
import time

started = threading.Barrier(3)
never = threading.Event()
belongings = threading.Lock()
go = threading.Event()


def spin():
    started.wait()
    while True:
        time.sleep(0.001)


def wait_for_ever():
    started.wait()
    with belongings:
        never.wait()


def stay():
    go.wait()
    threading.main_thread().join()
    print("last:", threading.main_thread().is_alive(), sorted(t.name for t in threading.enumerate() if t.daemon))


@atexit.register
def say_goodbye():
    print("goodbye from", threading.current_thread().name)


atexit.register(print, "first goodbye", flush=True)
for target, name in ((spin, "endless"), (wait_for_ever, "waiting")):
    threading.Thread(target=target, name=name, daemon=True).start()
started.wait()
last = threading.Thread(target=stay, name="last")
last.start()
go.set()
print(last.daemon, threading.active_count())
sys.exit(3)
