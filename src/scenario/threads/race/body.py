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
    rounds=5,
    updates=200,
    gap=500,
    pause=0.5,
    lock=False,
    step=False,
    replay="",
)
tasklab.actions("lock [on|off]", "again", "step [on|off|TASK]")

PLAIN_UPDATES = 50_000  # of each worker, where nothing widens the gap
MOST_ROUNDS = 20
is_stepped = params.step or params.replay != ""
updates = 2 if is_stepped else params.updates
start = threading.Barrier(params.workers)
counter_lock = tasklab.Lock("counter")
lock = contextlib.nullcontext()  # or the counter's, in a round with the lock
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
            tasklab.value("lost updates", sum(erased))
    if is_stepped:
        tasklab.value("counter", read + 1)


def work():
    start.wait()
    for _ in range(updates):
        add_one()


def add_without_gap():
    """The same without a gap, as fast as it goes."""
    global counter
    start.wait()
    for _ in range(PLAIN_UPDATES):
        counter = counter + 1


def run(target, kind, prefix):
    threads = [kind(target=target, name=f"{prefix}-{number}") for number in range(1, params.workers + 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def rest(plan):
    """Time between two rounds, to look and to press."""
    tasklab.state("main", "waiting", on="the next round")
    end = time.monotonic() + params.pause
    while (left := end - time.monotonic()) > 0:
        do, target = tasklab.action(left) or ("nothing", "")
        if do == "again":
            if plan["rounds"] >= MOST_ROUNDS:
                tasklab.refuse(do, target, f"{MOST_ROUNDS} rounds are enough for one run")
            else:
                plan["rounds"] += 1
        elif do == "lock":
            if target.strip() not in ("on", "off", ""):
                tasklab.refuse(do, target, "it is on or off; without a target the lock is switched over")
            else:
                plan["lock"] = target.strip() == "on" or not target.strip() and not plan["lock"]


def main():
    global counter, lock
    tasklab.started("main")
    if not is_stepped:
        tasklab.state("main", "running", on="adding without a gap")
        run(add_without_gap, threading.Thread, "plain")
        tasklab.value("updates without a gap", params.workers * PLAIN_UPDATES)
        tasklab.value("updates lost without a gap", params.workers * PLAIN_UPDATES - counter)
    if params.replay:
        tasklab.replay(params.replay)
    else:
        tasklab.step_mode(params.step)

    plan = {"rounds": 1 if is_stepped else params.rounds, "lock": params.lock}
    lost = []  # of each round: whether it had the lock, and how many updates were lost
    while len(lost) < plan["rounds"]:
        if lost:
            rest(plan)
        tasklab.state("main", "waiting", on="the workers")
        counter, lock, is_locked = 0, counter_lock if plan["lock"] else contextlib.nullcontext(), plan["lock"]
        run(work, tasklab.Thread, "worker")
        lost.append((is_locked, params.workers * updates - counter))
        tasklab.value("counter", counter)
        tasklab.value("lost updates", sum(erased))
        print(f"round {len(lost)}, {'with the lock' if is_locked else 'without a lock'}: {params.workers * updates} updates, "
              f"the counter is {counter}, {tasklab.counted(lost[-1][1], 'update was', 'updates were')} lost")
    tasklab.finished("main")

    all_lost, lost_open = sum(count for _, count in lost), [count for locked, count in lost if not locked]
    tasklab.fact("overwritten", "each lost update was seen at the write that overwrote it: updates", all_lost, sum(erased))
    if lost_open and params.gap and not is_stepped:
        tasklab.fact("lost", "who writes what was read before others wrote overwrites them: lost updates",
                     "> 0", sum(lost_open), sum(lost_open) > 0)
    if len(lost_open) < len(lost):
        tasklab.fact("lost-with-lock" if lost_open else "lost", "with the lock no update is lost: lost updates",
                     0, all_lost - sum(lost_open))
    if params.replay:
        tasklab.fact("replayed", "the steps were taken in the order that was given",
                     " ".join(params.replay.split()), " ".join(tasklab.order()))
    if tasklab.order() and all_lost > 0:
        tasklab.fact("bad-order", "you found it: this order of steps loses an update, each time: lost updates",
                     "> 0", all_lost, all_lost > 0)


if __name__ == "__main__":
    main()
