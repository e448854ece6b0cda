"""Five runs, five orders: the same threads with the same steps, and the scheduler decides who goes when."""

import hashlib
import threading
import time

import tasklab

params = tasklab.params(
    runs=5,
    threads=4,
    steps=20,
    load=50,
    patience=15.0,
)
tasklab.actions("again [light|heavy]", "replay [RUN]", "finish")

BLOCK = bytes(4096)  # What a step works through in a light run. Hashing that much lets other threads run meanwhile.
REST = 0.0001  # After each step a thread rests, as one does that reads or writes something.
MOST_RUNS = 60

runs = []  # Each a dict: its name, its load, the order of (thread, step), and the result.
replays = []  # What was to be replayed, and what came.


def letters(order):
    """A letter for each step: its thread."""
    return "".join("ABCDEFGH"[thread] for thread, _ in order)


def work(before, rounds):
    """Work whose result depends on the one before."""
    digest = hashlib.sha256(before.to_bytes(8, "little"))
    for _ in range(rounds):
        digest.update(BLOCK)
    return int.from_bytes(digest.digest()[:6], "big")


class Turns:
    """A recorded order, and how far it has come."""

    def __init__(self, order):
        self.order, self.next, self.changed = [thread for thread, _ in order], 0, threading.Condition()

    def wait_for(self, thread):
        with self.changed:
            self.changed.wait_for(lambda: self.order[self.next] == thread)

    def done(self):
        with self.changed:
            self.next += 1
            self.changed.notify_all()


def perform(load, turns=None):
    """All threads do their steps; gives the order, and a result to which each step has added."""
    rounds = params.load if load == "heavy" else 1
    start = threading.Barrier(params.threads)
    order, results = [], []

    def body(thread):
        start.wait()
        result = thread
        for step in range(params.steps):
            result = work(result, rounds)
            if turns:
                turns.wait_for(thread)
            order.append((thread, step))
            if turns:
                turns.done()
            time.sleep(REST)
        results.append(result)

    threads = [tasklab.Thread(target=body, args=(thread,), name="ABCDEFGH"[thread]) for thread in range(params.threads)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return order, sum(results)


def run(load):
    """Runs it, and compares it with the first run under the same load."""
    order, result = perform(load)
    same_load = [one for one in runs if one["load"] == load]
    name = f"{load}-{len(same_load) + 1}"
    came = letters(order)
    first = letters(same_load[0]["order"]) if same_load else ""
    overlay = "".join("." if a == b else b for a, b in zip(first, came)) if first else came
    print(f"{name:9} {overlay}")
    tasklab.value(f"order of {name}", came)
    runs.append({"name": name, "load": load, "order": order, "result": result})


def replay(one):
    """Runs it again, and lets each thread do a step only when it is its turn."""
    order, _ = perform(one["load"], Turns(one["order"]))
    print(f"replay of {one['name']}:\n          {letters(order)}")
    replays.append((letters(one["order"]), letters(order)))


def obey(do, target):
    name = target.strip()
    if len(runs) + len(replays) >= MOST_RUNS:
        tasklab.refuse(do, target, f"{MOST_RUNS} runs are enough")
    elif do == "replay":
        found = [one for one in runs if one["name"] == name or not name]
        if found:
            replay(found[-1])
        else:
            tasklab.refuse(do, target, tasklab.unknown("run", name, [one["name"] for one in runs]))
    elif name in ("", "light", "heavy"):
        for load in [name] if name else ["light", "heavy"]:
            run(load)
    else:
        tasklab.refuse(do, target, "the load is light or heavy; without a target it runs under both")


def in_own_order(order):
    return all([step for who, step in order if who == thread] == list(range(params.steps)) for thread in range(params.threads))


def orders():
    """How many different orders came."""
    return len({letters(one["order"]) for one in runs})


def main():
    tasklab.started("main")
    for load in ("light", "heavy"):
        for _ in range(params.runs):
            run(load)
    while orders() < 2 and len(runs) < MOST_RUNS // 2:
        run("light")  # By chance, all have come in the same order: then some more.
    deadline = time.monotonic() + params.patience
    while time.monotonic() < deadline:
        tasklab.state("main", "waiting", on="you")
        asked = tasklab.action(deadline - time.monotonic())
        tasklab.state("main", "running")
        if asked and asked[0] == "finish":
            break
        if asked:
            obey(*asked)
    tasklab.finished("main")

    results = [len({one["result"] for one in runs if one["load"] == load}) for load in ("light", "heavy")]
    tasklab.fact("orders", "the same program runs in many ways: different orders of its steps", "> 1", orders(), orders() > 1)
    tasklab.fact("own-order", "each thread's own steps come in their order: runs of which that is so",
                 len(runs), sum(in_own_order(one["order"]) for one in runs))
    tasklab.fact("result", "nothing is shared, so that the result is always the same: different results under one load", 1, max(results))
    if replays:
        wanted, came = next((pair for pair in replays if pair[0] != pair[1]), replays[-1])
        right = next((at for at, (a, b) in enumerate(zip(wanted, came)) if a != b), len(came))
        tasklab.fact("replay", "a recorded order can be forced: steps that came in it", len(wanted), right)


if __name__ == "__main__":
    main()
