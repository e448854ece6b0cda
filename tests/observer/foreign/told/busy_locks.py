# lanes: main, giver, taker, keeper, other
# tells: task.counts task=giver; task.counts task=taker; task.state task=giver state=waiting on="lock right" held_by=taker
# tells: task.state task=taker state=waiting on="lock left" held_by=giver; task.state task=keeper state=running on="lock often"
# tells: task.state task=other state=waiting on="lock often" held_by=keeper
"""Locks that are taken so often that C alone does it. After much of that come a deadlock, and a long hold."""
import contextlib
import threading
import time

left, right, often = threading.Lock(), threading.Lock(), threading.Lock()
gate = threading.Barrier(2)
is_kept, is_over = threading.Event(), threading.Event()
done = [0, 0]


def move(number, first, second):
    for _ in range(20_000):
        with left:
            done[number] += 1
    gate.wait()
    with first:
        gate.wait()
        with second:
            done[number] += 1


def keep():
    for _ in range(20_000):
        with often:
            pass
    with contextlib.ExitStack() as stack:
        print("kept", stack.enter_context(often))
        is_kept.set()
        time.sleep(0.8)


def wait_for_it():
    for _ in range(20_000):
        with often:
            pass
    is_kept.wait()
    with often:
        print("got")
    is_over.set()


for name, function, *arguments in (
    ("giver", move, 0, left, right), ("taker", move, 1, right, left), ("keeper", keep), ("other", wait_for_it)
):
    threading.Thread(target=function, args=arguments, name=name, daemon=True).start()
is_over.wait()
time.sleep(0.5)  # so that the deadlock is seen
print(done)
