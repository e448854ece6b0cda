# lanes: main, guest, guest1
# acts: release lock free after task.state task=guest state=sleeping; release lock again after action.refused target="lock free"
# acts: release semaphore seats after action.refused; put queue belt 2 after action.refused; another guest after action.refused
# acts: hold lock till after task.started task=guest1; cancel timer none after task.state held_by=you; set event done after action.refused
# notices: may come
# waits: main: lock till held by you
# tells: action.refused do=release text="nobody has lock free"; action.refused do=release text="only the task that has lock again can release it"
# tells: action.refused do=release text="all places of semaphore seats are free"; action.refused do=put text="queue belt is full"
# tells: action.refused do=cancel target="timer none"
# once: notice text="you have had lock till for 0.3 seconds, and let it go"
# never: task.started task=Dummy-1; task.started task=Dummy-2
"""What a person can do, and what is refused in plain words; nobody has a lock for ever."""
import queue
import sys
import threading
import time

observer = sys.modules.get("tasklab.observe.listener")
if observer:
    observer.MOST_HELD = 0.3
free, again, till = threading.Lock(), threading.RLock(), threading.Lock()
seats, belt, done = threading.BoundedSemaphore(), queue.Queue(1), threading.Event()
belt.put(1)
with again:
    guest = threading.Thread(target=time.sleep, args=(0.2,), name="guest", daemon=True)
    guest.start()
    while observer and not till.locked():
        time.sleep(0.01)
    with till:
        print("main has it")
    if observer:
        done.wait(60)
guest.join()
