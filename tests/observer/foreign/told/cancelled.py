# lanes: main, held-1, guest-1, guest-2, guest-3, int-1, pool_0
# acts: cancel future guest-2 after task.state task=guest-1 state=running; cancel future guest-1 after task.finished task=guest-2
# acts: set event go after action.refused
# ends: guest-1: ok; guest-2: cancelled; guest-3: cancelled
# tells: task.state task=guest-2 state=waiting on="the pool's queue"; task.state task=pool_0 state=waiting on="the pool's queue"
# tells: action.refused target="future guest-1" text="it runs, or is done"
# never: action.refused target="future guest-2"
"""Futures that wait in a pool's queue, and are cancelled there by the program and by a person."""
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

hold, go = threading.Event(), threading.Event()
if "tasklab.observe" not in sys.modules:
    go.set()


def held():
    hold.wait()


def guest():
    return go.wait(60)


with ThreadPoolExecutor(1, "pool") as pool:
    pool.submit(held)
    futures = [pool.submit(guest) for _ in range(3)]
    print(futures[2].cancel())
    hold.set()
    print(futures[0].result())
    print(list(pool.map(int, ["7"])))
