# lanes: main, deep
# things: lock ladder
"""Goes deep with a lock at each step, to just before the limit, and over it."""
import sys
import threading

ladder = threading.RLock()


def climb(steps):
    with ladder:
        return 1 + climb(steps - 1) if steps else 0


def climb_for_ever(steps=0):
    ladder.acquire()
    try:
        return climb_for_ever(steps + 1)
    finally:
        ladder.release()


def work():
    print(climb(900))
    try:
        climb_for_ever()
    except RecursionError as error:
        print(str(error).split(" in ")[0].split(" while ")[0])
    print(ladder.acquire(blocking=False), sys.getrecursionlimit())
    ladder.release()


work()
deep = threading.Thread(target=work, name="deep")
deep.start()
deep.join()
print(ladder.acquire(blocking=False))
