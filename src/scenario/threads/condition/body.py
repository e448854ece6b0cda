"""Condition variables: a lock with a waiting room, and somebody who notifies."""

import time

import tasklab

params = tasklab.params(
    customers=4,
    patience=20.0,
)
tasklab.actions("notify", "notify-all", "false-alarm", "finish")

shop = tasklab.Condition("goods")  # Everything below is changed by who holds its lock.
goods = brought = served = left_without = waiting = back_to_sleep = 0
is_closed = False
was_stepped = False  # Whether the user has held somebody back in step mode: then nobody can say who woke by what.
notifications = []  # Each a dict: its kind, who was there, how many waited, how many woke by it.


def customer(name):
    """Looks, waits while there is nothing, and takes a piece."""
    global goods, served, left_without, waiting, back_to_sleep
    with shop:
        woke = False
        while goods == 0 and not is_closed:
            back_to_sleep += woke
            waiting += 1
            shop.wait()
            woke = True
            waiting -= 1
            notifications[-1]["woke"] += 1
            tasklab.value("customers that wait", waiting)
        if goods:
            goods -= 1
            served += 1
        else:
            left_without += 1
        print(f"{name} leaves")


def notify(kind):
    """Brings goods, or nothing, and wakes one or all."""
    global goods, brought, is_closed, was_stepped
    # In step mode somebody may keep the lock, and main would be deaf to the rest.
    if not shop.acquire(timeout=0.1 if tasklab.is_stepped() else 5):
        return tasklab.refuse(kind, "", f"{shop.lock.holder} has the lock, and stands still; let it take its next step")
    # All those threads are inside their with blocks, too; wait() has let go of the lock.
    try:
        told = {"kind": kind, "there": params.customers - served - left_without, "waited": waiting, "woke": 0}
        new = {"notify": 1, "notify-all": waiting}.get(kind, 0)
        goods += new
        brought += new
        is_closed = is_closed or kind == "finish"
        notifications.append(told)
        if kind == "notify":
            shop.notify()
        else:
            shop.notify_all()
    finally:
        shop.release()
    # Until they have woken up: the next notification finds them where this one has put them.
    awaited = min(1, told["waited"]) if kind == "notify" else told["waited"]
    until(lambda: tasklab.is_stepped() or told["woke"] >= awaited)
    was_stepped = was_stepped or tasklab.is_stepped()
    print(f"{kind}: {told['waited']} waited, {told['woke']} woke up")


def until(condition):
    """Waits for what nobody else must do; only a machine in trouble takes this long."""
    end = time.monotonic() + 5
    while not condition() and time.monotonic() < end:
        time.sleep(0.002)


def main():
    tasklab.started("main")
    names = [f"customer-{number}" for number in range(1, params.customers + 1)]
    threads = [tasklab.Thread(target=customer, args=(name,), name=name) for name in names]
    for thread in threads:
        thread.start()
    until(lambda: waiting == params.customers)  # Who is not there yet would not be woken.
    tasklab.state("main", "waiting", on="you")
    deadline = time.monotonic() + params.patience
    while time.monotonic() < deadline and any(thread.is_alive() for thread in threads):
        do, _ = tasklab.action(0.02) or ("nothing", "")
        if do == "finish":
            break
        if do != "nothing":
            notify(do)
    tasklab.step_mode(False)
    notify("finish")
    for thread in threads:
        thread.join()
    tasklab.finished("main")

    one = [told["woke"] for told in notifications if told["kind"] == "notify" and told["waited"]]
    asleep = sum(abs(told["waited"] - told["woke"]) for told in notifications if told["kind"] != "notify")
    alarmed = sum(told["woke"] for told in notifications if told["kind"] == "false-alarm")
    if one and not was_stepped:
        tasklab.fact("notify-one", "notify() wakes one of those who wait: customers that woke, each time",
                     1, next((woke for woke in one if woke != 1), 1))
    if not was_stepped:
        tasklab.fact("notify-all", "notify_all() wakes all who wait: customers that it left asleep", 0, asleep)
        tasklab.fact("back-to-sleep", "who wakes and finds nothing waits again: customers", alarmed, back_to_sleep)
    tasklab.fact("goods", "each piece is bought once, or is still there: pieces", brought, served + goods)
    tasklab.fact("customers", "nobody waits for ever: customers that bought, or left without", params.customers, served + left_without)
    first = next((told for told in notifications if told["there"]), None)
    if first:
        tasklab.fact("lock", "main gets the lock though all of them are inside the block, as wait() has let go of it: customers that wait there",
                     first["there"], first["waited"])


if __name__ == "__main__":
    main()
