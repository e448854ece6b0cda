# lanes: main, bystander
# things: lock tools
# exit: 137
"""Ends by SIGKILL while a thread holds a lock: what was not written is lost."""
import os
import signal
import threading

tools = threading.Lock()
held = threading.Barrier(2)


def hold():
    with tools:
        held.wait()
        threading.Event().wait()


threading.Thread(target=hold, name="bystander").start()
held.wait()
print("written", tools.locked(), flush=True)
print("not written")
os.kill(os.getpid(), signal.SIGKILL)
