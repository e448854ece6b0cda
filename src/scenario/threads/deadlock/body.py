"""Deadlock: two locks, taken in two orders, and each thread waits for what the other one has.

The painter takes the screen, then the prices; the broker takes the prices, then the screen. Take them in one order
everywhere, and it cannot happen.
"""

import time

import tasklab

params = tasklab.params(
    order="opposite",
    rounds=4,
    patience=15.0,
    step=False,
    replay="",
)
tasklab.actions("release [screen|prices]", "step [on|off|TASK]")

is_stepped = params.step or params.replay != ""
rounds = 1 if is_stepped else params.rounds
screen, prices = tasklab.Lock("screen"), tasklab.Lock("prices")
share_prices = [0] * 8
copies, robbed = [], []
ready = {"painter": tasklab.Event("painter has one"), "broker": tasklab.Event("broker has one")}


def take_both(first, second, other, is_first_round):
    me = tasklab.lane()
    while True:
        first.acquire()
        if is_first_round and not is_stepped and params.order == "opposite":
            # So that it happens at once: each waits for the other to have its first lock.
            ready[me].set()
            ready[other].wait(5)
        second.acquire()
        if first.holder == me:
            return
        # Whoever was robbed while it waited has not got both, and begins again.
        robbed.append(me)
        second.release()


def release(lock):
    """Gives it back; False if somebody has released it already."""
    try:
        lock.release()
    except RuntimeError:
        return False
    return True


def copy_prices():
    copy = []
    for price in share_prices:
        time.sleep(0.001)
        copy.append(price)
    copies.append(copy)
    tasklab.value("screen", f"{tasklab.lane()} shows {copy[0]}")


def paint():
    """Shows a copy of the prices."""
    for round in range(1, rounds + 1):
        take_both(screen, prices, "broker", round == 1)
        copy_prices()
        release(prices)
        release(screen)


def trade():
    """Changes the prices, and shows them."""
    first, second = (screen, prices) if params.order == "same" else (prices, screen)
    for round in range(1, rounds + 1):
        take_both(first, second, "painter", round == 1)
        for share in range(len(share_prices)):
            share_prices[share] = 100 + round
            time.sleep(0.001)
        copy_prices()
        release(second)
        release(first)


def main():
    tasklab.started("main")
    if params.replay:
        tasklab.replay(params.replay)
    else:
        tasklab.step_mode(params.step)
    threads = [tasklab.Thread(target=paint, name="painter"), tasklab.Thread(target=trade, name="broker")]
    for thread in threads:
        thread.start()

    tasklab.state("main", "waiting", on="painter and broker")
    locks = {"screen": screen, "lock screen": screen, "": screen, "prices": prices, "lock prices": prices}
    circles, circle, since, bad_order = 0, [], None, False
    while any(thread.is_alive() for thread in threads):
        asked = tasklab.action(0.02)
        found = tasklab.deadlock()
        if asked and asked[1].strip() not in locks:
            tasklab.refuse(*asked, tasklab.unknown("lock", asked[1], ["screen", "prices"]))
        elif asked and not (found and release(locks[asked[1].strip()])):
            tasklab.refuse(*asked, "nobody is stuck, and only in a deadlock a lock is taken away")
        if not found:
            since = None
            continue
        if since is None:
            circles, since, bad_order = circles + 1, time.monotonic(), bad_order or bool(tasklab.order())
            waits = [f"{who} waits for {what}" for who, what in found]
            tasklab.value("who waits for whom", ", ".join(waits))
            circle = circle or sorted(waits)
        # The first one lasts; later ones are broken soon.
        if time.monotonic() - since >= (params.patience if circles == 1 else 0.1):
            tasklab.state("main", "running", on="taking the screen from the one that has it")
            release(screen)
            tasklab.state("main", "waiting", on="painter and broker")
    for thread in threads:
        thread.join()
    tasklab.finished("main")

    torn = sum(len(set(copy)) > 1 for copy in copies)
    tasklab.value("deadlocks", circles)
    tasklab.value("locks taken away from one who waited", len(robbed))
    print(f"{len(copies)} times somebody had both locks; {tasklab.counted(circles, 'deadlock', 'deadlocks')}")
    if params.order == "same":
        tasklab.fact("circle", "taken in the same order, locks never make a circle", [], circle)
    elif not is_stepped:
        tasklab.fact("circle", "each waits for what the other one has",
                     ["broker waits for lock screen", "painter waits for lock prices"], circle)
    tasklab.fact("sections", "once a lock is released, both come to their end: times that somebody had both locks", 2 * rounds, len(copies))
    tasklab.fact("torn", "a copy that is made under the lock shows one state of the prices: copies that show two", 0, torn)
    if params.replay:
        tasklab.fact("replayed", "the steps were taken in the order that was given",
                     " ".join(params.replay.split()), " ".join(tasklab.order()))
    if bad_order:
        tasklab.fact("bad-order", "you found it: this order of steps ends in a deadlock, each time: threads in the circle", "> 0", len(circle), len(circle) > 0)


if __name__ == "__main__":
    main()
