# lanes: main, keen
# acts: hold lock tool after value name=phase value=2; release lock tool after task.state task=keen held_by=you; hold lock again after value name=phase value=3; release lock again after task.state task=main held_by=you
# tells: task.state task=keen state=waiting on="lock tool" held_by=you; task.state task=main state=waiting on="lock again" held_by=you
"""A person takes a lock that a thread takes again at once, each time that it has let it go."""
import threading
import time

tool, again = threading.Lock(), threading.RLock()
phase = 1


def keen():
    global phase
    for turn in range(8):
        with tool:
            phase = 2
            time.sleep(0.15)


thread = threading.Thread(target=keen, name="keen")
thread.start()
thread.join()
for turn in range(8):
    with again:
        with again:
            phase = 3
            time.sleep(0.15)
print(phase)
