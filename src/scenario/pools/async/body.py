"""Coroutines: many tasks in one thread. At each await a task is paused, and another one goes on.

A baton goes round a ring of runners. Nobody is interrupted between two awaits, so nothing needs a lock; and whoever
does not come to an await, as in time.sleep(), stops them all.
"""

import asyncio
import os
import threading
import time

import tasklab

params = tasklab.params(
    coroutines=4,
    laps=30,
    pause=0.02,
    block=0.3,
)
tasklab.actions("block", "add", "cancel RUNNER")

MOST_RUNNERS = 24
MOST_ORDERS = 4
ring = []  # runners, in order
tasks = {}  # runner: its asyncio.Task
turns = {}  # runner: an asyncio.Event, set when the baton has come
holder = None  # who has the baton
steps = 0  # counted by all runners, without a lock
out_of_turn = 0  # steps of somebody who did not have the baton
made = []  # who made each step
tids = set()  # threads in which a step was made
cancelled, ended_by_cancel = 0, 0
while_awaiting, while_blocked = [], []  # steps that the others made meanwhile
is_over = False


def hand_to(name):
    global holder
    holder = name
    if name:
        turns[name].set()


def pass_on(name):
    """Gives the baton to the next one in the ring."""
    hand_to(ring[(ring.index(name) + 1) % len(ring)])


async def runner(name):
    """Waits for the baton, makes a step, and passes the baton on."""
    global steps, out_of_turn, ended_by_cancel
    tasklab.started(name, sort="coroutine")
    try:
        while not is_over:
            tasklab.state(name, "waiting", on="the baton", held_by=holder)
            await turns[name].wait()
            turns[name].clear()
            if is_over:
                break
            seen = steps
            tasklab.state(name, "running")
            out_of_turn += holder != name
            made.append(name)
            tids.add(threading.get_native_id())
            steps = seen + 1  # Nobody else ran since it was read: there was no await.
            tasklab.state(name, "sleeping")
            await asyncio.sleep(params.pause)
            pass_on(name)
        tasklab.finished(name)
    except asyncio.CancelledError:
        ended_by_cancel += 1
        tasklab.finished(name, "cancelled")


def add_runner():
    name = f"runner-{len(tasks) + 1}"
    turns[name] = asyncio.Event()
    ring.append(name)
    tasks[name] = asyncio.create_task(runner(name))


def cancel(name):
    global cancelled
    cancelled += 1
    if holder == name:
        pass_on(name)
    ring.remove(name)
    tasks[name].cancel()


async def nap(napping):
    napping.append(1)
    most = len(napping)
    await asyncio.sleep(params.pause)
    napping.pop()
    return most


def block(seconds):
    """A call that does not await: until it returns, nobody else runs."""
    before = steps
    tasklab.state("blocker", "running", on=f"time.sleep({seconds})")
    time.sleep(seconds)
    tasklab.state("blocker", "waiting", on="an order to block")
    while_blocked.append(steps - before)
    print(f"in a blocking call of {seconds} s the others made {steps - before} steps")


async def blocker():
    """Sleeps for the same time twice: once so that the others can run, and once so that they can't."""
    tasklab.started("blocker", sort="coroutine")
    tasklab.state("blocker", "sleeping")
    made, tries = 0, 0
    while made == 0 and tries < MOST_ORDERS:
        # Where others keep this machine busy, all the time may be over before anybody else could begin: then once more.
        before, tries = steps, tries + 1
        await asyncio.sleep(params.block)
        made = steps - before
    while_awaiting.append(made)
    print(f"in an awaited sleep of {params.block} s the others made {made} steps")
    block(params.block)


async def listen():
    """Hears actions, now and then, without waiting for any."""
    global is_over
    orders = 0  # blocking calls that somebody asked for
    enough = params.coroutines * params.laps
    while steps < enough or len(while_blocked) < 1 + orders:
        asked = tasklab.action(0)
        if asked:
            do, target = asked[0], asked[1].strip()
            if do == "add" and len(tasks) >= MOST_RUNNERS:
                tasklab.refuse(*asked, f"{MOST_RUNNERS} runners are enough for one run")
            elif do == "add":
                add_runner()
            elif do == "block" and orders >= MOST_ORDERS:
                tasklab.refuse(*asked, "four more blocking calls are enough for one run")
            elif do == "block":
                orders += 1
            elif target not in ring:
                tasklab.refuse(*asked, tasklab.unknown("runner", target, ring))
            elif len(ring) == 1:
                tasklab.refuse(*asked, "the last runner has to carry the baton")
            else:
                cancel(target)
        if 0 < len(while_blocked) < 1 + orders:
            block(params.block)
        await asyncio.sleep(0.01)
    is_over = True
    for turn in turns.values():
        turn.set()


async def main():
    tasklab.started("main")
    tasklab.state("main", "running", on="the event loop")
    napping = []
    at_once = max(await asyncio.gather(*(nap(napping) for _ in range(params.coroutines))))
    for _ in range(params.coroutines):
        add_runner()
    hand_to(ring[0])
    await asyncio.gather(blocker(), listen())
    threads = len(os.listdir("/proc/self/task"))
    await asyncio.gather(*tasks.values())
    tasklab.finished("blocker")
    tasklab.finished("main")

    print(f"the runners made {steps} steps in {tasklab.counted(len(tids), 'thread', 'threads')}")
    tasklab.fact("one-thread", "the kernel sees one thread, however many coroutines run in it: threads", 1, max(threads, len(tids)))
    tasklab.fact("waits-overlap", "coroutines wait at the same time: so many", params.coroutines, at_once)
    tasklab.fact("in-turn", "nobody makes a step who does not have the baton: steps out of turn", 0, out_of_turn)
    tasklab.fact("no-lock", "between two awaits nobody else runs, so that a counter needs no lock: steps that it counted", len(made), steps)
    tasklab.fact("await-lets-run", "in a sleep that is awaited the others go on: steps that they made",
                 "> 0", min(while_awaiting), min(while_awaiting) > 0)
    tasklab.fact("block-freezes", "in a sleep that is not awaited nobody goes on: steps that the others made", 0, max(while_blocked))
    tasklab.fact("cancelled", "whoever is cancelled ends at its await: coroutines that did", cancelled, ended_by_cancel)


if __name__ == "__main__":
    asyncio.run(main())
