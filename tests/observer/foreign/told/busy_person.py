# lanes: main, busy
# acts: hold lock often after value name=phase value=2; release lock often after task.state task=busy held_by=you
# tells: task.state task=busy state=waiting on="lock often" held_by=you
# waits: main: lock used held by busy woken by busy
# never: task.state held_by=main
"""A person holds a lock that a thread takes very often; and a condition's lock, which is never quiet."""
import signal
import sys
import threading
import time

often, used = threading.Lock(), threading.Lock()
condition = threading.Condition(used)
phase = 1
is_held = threading.Event()


class Late(Exception):
    pass


def late(number, frame):
    raise Late


def work():
    for _ in range(3000):
        with often:
            pass
    while sys.modules.get("tasklab.observe") and not often.locked():
        with often:
            pass
    with often:
        pass
    for _ in range(3000):
        with condition:
            pass
    with used:
        is_held.set()
        time.sleep(0.3)


phase = 2
busy = threading.Thread(target=work, name="busy")
busy.start()
is_held.wait()
with used:
    print("used")
busy.join()
other = threading.Lock()
for _ in range(3000):
    with often:
        pass
print(isinstance(often, type(other)), isinstance(other, type(often)))
signal.signal(signal.SIGALRM, late)
with often:
    signal.setitimer(signal.ITIMER_REAL, 0.05)
    try:
        with often:
            print("never")
    except Late:
        print("late")
    for _ in range(3_000_000):  # It has the lock and works.
        pass
