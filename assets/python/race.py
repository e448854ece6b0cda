"""The race: two threads read the same number, add one, and write it back; one of the two updates is lost.

counter = counter + 1 is three steps: read, add, write. Whoever is interrupted between the read and the write overwrites
what others have written meanwhile. A lock around the three makes them one.
"""

import contextlib
import threading
import time

import tasklab

params = tasklab.params(
    workers=4,
    updates=2000,
    gap=100,
    lock=False,
    step=False,
    replay="",
)

PLAIN_UPDATES = 50_000  # of each worker, where nothing widens the gap
is_stepped = params.step or params.replay != ""
updates = 2 if is_stepped else params.updates
lock = tasklab.Lock("counter") if params.lock else contextlib.nullcontext()
start = threading.Barrier(params.workers)
counter = 0
erased = []  # by each write that erased updates of others, how many; less than 0 where it brought some back


def add_one():
    """Reads, waits, writes: three steps, and between them the others may do theirs."""
    global counter
    with lock:
        tasklab.checkpoint("read the counter")
        read = counter
        if is_stepped:
            tasklab.state(tasklab.lane(), "running", on=f"has read {read}")
        if params.gap:
            time.sleep(params.gap / 1e6)
        tasklab.checkpoint("write the counter")
        # The write looks at what it overwrites: that is how a lost update is seen, at the moment when it is lost.
        was, counter = counter, read + 1
    if was != read:
        erased.append(was - read)
        if is_stepped or read % 16 == 0:
            tasklab.value("lost", sum(erased))
    if is_stepped:
        tasklab.value("counter", read + 1)


def work():
    start.wait()
    for _ in range(updates):
        add_one()


def add_without_gap():
    """The same without a gap, as fast as it goes."""
    global counter
    for _ in range(PLAIN_UPDATES):
        counter = counter + 1


def run(target, kind, prefix):
    threads = [kind(target=target, name=f"{prefix}-{number}") for number in range(1, params.workers + 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def main():
    global counter
    tasklab.started("main")
    if not is_stepped:
        tasklab.state("main", "running", on="adding without a gap")
        run(add_without_gap, threading.Thread, "plain")
        tasklab.value("plain_updates", params.workers * PLAIN_UPDATES)
        tasklab.value("plain_lost", params.workers * PLAIN_UPDATES - counter)
        counter = 0
    if params.replay:
        tasklab.replay(params.replay)
    else:
        tasklab.step_mode(params.step)

    tasklab.state("main", "waiting", on="the workers")
    run(work, tasklab.Thread, "worker")
    tasklab.finished("main")

    expected = params.workers * updates
    lost = expected - counter
    tasklab.value("counter", counter)
    tasklab.value("lost", sum(erased))
    print(f"{expected} updates, and the counter is {counter}")
    tasklab.fact("overwritten", "each lost update was seen at the write that overwrote it", lost, sum(erased))
    if params.lock:
        tasklab.fact("lost", "with the lock no update is lost", 0, lost)
    elif params.gap and not is_stepped:
        tasklab.fact("lost", "who writes what was read before others wrote loses their updates", "> 0", lost, lost > 0)
    if params.replay:
        tasklab.fact("replayed", "the steps were taken in the order that was given",
                     " ".join(params.replay.split()), " ".join(tasklab.order()))
    if tasklab.order() and lost > 0:
        tasklab.fact("bad-order", "you found it: this order of steps loses an update, each time", "> 0", lost, lost > 0)


if __name__ == "__main__":
    main()
