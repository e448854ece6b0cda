# lanes: main, stuck, leaver
# exit: 7
"""os._exit in a thread ends the process at once, whoever waits for what; nothing is written and nothing is said at the end."""
import atexit
import os
import sys
import threading

door = threading.Lock()
inside = threading.Event()
atexit.register(print, "never said")


def wait_at_the_door():
    inside.set()
    try:
        with door:
            pass
    finally:
        print("never said")


def leave():
    inside.wait()
    sys.stderr.write("leaving\n")
    print("never written")
    os._exit(7)


door.acquire()
threading.Thread(target=wait_at_the_door, name="stuck").start()
print("written", flush=True)
threading.Thread(target=leave, name="leaver").start()
threading.Event().wait()
