"""Zombies: children that have ended, and whose parent has not waited for them yet."""
import multiprocessing
import os
import signal
import time

children = 3
life = 1.0
pause = 3.0

fork = multiprocessing.get_context("fork")


def live(status):
    time.sleep(life)
    os._exit(status)


family = [fork.Process(target=live, args=(n,), name=f"child-{n}") for n in range(1, children + 1)]
for child in family:
    child.start()

print(f"{children} children live for {life} s; no wait() yet")
time.sleep(life + pause)

for child in family:
    child.kill()
print("each got SIGKILL")
time.sleep(1)

for child in family:
    child.join()
    print(f"join: {child.name} left with {child.exitcode}")
    try:
        os.kill(child.pid, 0)  # sends nothing, only asks whether it is there
    except ProcessLookupError:
        print(f"no process now: {child.pid}")
    time.sleep(1 / children)
