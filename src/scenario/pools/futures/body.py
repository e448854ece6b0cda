"""Futures: tickets for results that are not there yet.

submit() hands a task in and gives its future at once. as_completed() gives futures as they are done, map() gives
results in the order of the list, and wait() two sets of futures: done and not done.

So that the order is no matter of luck, each task waits for its gate. A conductor opens one gate at a time, that of the
task which began last; or of the one that you name.
"""

import threading
import time
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, as_completed, wait

import tasklab

params = tasklab.params(
    workers=3,
    tasks=6,
    pace=0.3,
)
tasklab.actions("finish TASK", "cancel TASK")

PATIENCE = 60.0  # seconds after which a wait is given up; only a mistake of ours meets that


class Batch:
    """Tasks with gates, and a log of which began and which ended."""

    def __init__(self, prefix):
        self.names = [f"{prefix}-{number}" for number in range(1, params.tasks + 1)]
        self.gates = {name: threading.Event() for name in self.names}
        self.began, self.ended, self.cancelled = [], [], []
        self.changed = threading.Condition()
        for name in self.names:
            tasklab.started(name, sort="future")
            tasklab.state(name, "created")

    def task(self, name):
        """What is handed in: gives the square of its number, as soon as its gate is open."""
        worker = threading.current_thread().name
        tasklab.state(name, "running", on=worker)
        tasklab.state(worker, "waiting", on=f"the gate of {name}", held_by="conductor")
        with self.changed:
            self.began.append(name)
            self.changed.notify_all()
        self.gates[name].wait()
        tasklab.state(worker, "running", on=name)
        with self.changed:
            self.ended.append(name)
            self.changed.notify_all()
        tasklab.finished(name)
        tasklab.state(worker, "waiting", on="the pool's queue")
        return int(name.rpartition("-")[2]) ** 2

    def running(self):
        return [name for name in self.began if name not in self.ended]

    def left(self):
        return params.tasks - len(self.ended) - len(self.cancelled)

    def settle(self):
        """Waits until as many tasks run as there are workers, or tasks that are left."""
        def settled():
            return len(self.running()) == min(params.workers, self.left())

        with self.changed:
            self.changed.wait_for(settled, PATIENCE)

    def open(self, name):
        """Opens a gate, and waits until that task has ended."""
        self.gates[name].set()
        with self.changed:
            self.changed.wait_for(lambda: name in self.ended, PATIENCE)

    def conduct(self, futures=None):
        """Opens one gate after the other, until all tasks have ended. Meanwhile hears actions."""
        futures = dict(zip(self.names, futures or []))
        while self.left():
            self.settle()
            chosen, deadline = None, time.monotonic() + params.pace
            while not chosen and time.monotonic() < deadline and self.running():
                asked = tasklab.action(deadline - time.monotonic())
                if asked:
                    do, name = asked[0], asked[1].strip()
                    if name not in self.names:
                        tasklab.refuse(*asked, tasklab.unknown("task", name, self.names))
                    elif do == "finish" and name in self.running():
                        chosen = name
                    elif do == "finish" and name in self.began:
                        tasklab.refuse(*asked, "it is done already")
                    elif do == "finish":
                        tasklab.refuse(*asked, "no worker has it: only a task that runs can be finished")
                    elif not futures:
                        tasklab.refuse(*asked, "a map has all or nothing: its futures are not given to anybody")
                    elif not futures[name].cancel():
                        tasklab.refuse(*asked, "a worker has it, or had it: only a future that is pending can be cancelled")
                    elif name not in self.cancelled:
                        self.cancelled.append(name)
                        tasklab.finished(name, "cancelled")
            if self.running():
                name = chosen or self.running()[-1]
                self.open(name)
                if futures:
                    wait([futures[name]])


def hello():
    """Runs once in each worker."""
    tasklab.started(threading.current_thread().name)


def main():
    tasklab.started("main")
    with ThreadPoolExecutor(params.workers, thread_name_prefix="worker", initializer=hello) as pool:
        # One submit is one call, also where it is given a list.
        calls = []
        pool.submit(calls.append, list(range(params.tasks))).result()

        batch = Batch("task")
        futures = [pool.submit(batch.task, name) for name in batch.names]
        batch.settle()
        running = sum(future.running() for future in futures)
        pending = sum(not future.running() and not future.done() for future in futures)
        states = f"{running} running, {pending} pending"
        tasklab.value("futures", states)
        print(states)
        could_cancel = futures[0].cancel()

        tasklab.state("main", "waiting", on="wait(FIRST_COMPLETED)")
        batch.gates[batch.running()[-1]].set()
        done, not_done = wait(futures, return_when=FIRST_COMPLETED)
        two_sets = f"{len(done)} done, {len(not_done)} not done"
        print(f"wait() gave two sets: {two_sets}")

        conductor = threading.Thread(target=batch.conduct, args=(futures,), name="conductor")
        completed, cancelled_that_ran = [], 0
        tasklab.state("main", "waiting", on="as_completed()")
        for future in as_completed(futures):
            name = batch.names[futures.index(future)]
            if future.cancelled():
                cancelled_that_ran += name in batch.began
                print(f"as_completed gave {name}: cancelled")
                continue
            completed.append(name)
            tasklab.value("as_completed gave so far", completed)
            print(f"as_completed gave {name}: {future.result()}")
            if len(completed) == 1:
                conductor.start()  # The first one was done before. From now on as_completed() hears of each.
        conductor.join()

        mapped = Batch("map")
        conductor = threading.Thread(target=mapped.conduct, name="conductor")
        conductor.start()
        tasklab.state("main", "waiting", on="map()")
        results = list(pool.map(mapped.task, mapped.names))
        conductor.join()
        tasklab.value("done in this order", mapped.ended)
        print(f"done in the order {', '.join(mapped.ended)}; map gave {results}")
    tasklab.finished("main")

    tasklab.fact("one-call", "one submit is one call, also where it is given a list: calls", 1, len(calls))
    expected = min(params.workers, params.tasks)
    tasklab.fact("states", "a future is pending until a worker takes its task: then it is running",
                 f"{expected} running, {params.tasks - expected} pending", states)
    tasklab.fact("wait-first", "wait() gives two sets of futures, and here it waited for the first one only",
                 f"1 done, {params.tasks - 1} not done", two_sets)
    tasklab.fact("as-completed", "as_completed gives the futures in the order in which they are done",
                 batch.ended, completed)
    tasklab.fact("map-order", "map gives the results in the order of the list, whichever is done first",
                 [number ** 2 for number in range(1, params.tasks + 1)], results)
    tasklab.fact("no-cancel", "a future that is running cannot be cancelled: cancel() gives", "False", str(could_cancel))
    tasklab.fact("cancelled", "a future that was cancelled in time never ran: cancelled ones that did", 0, cancelled_that_ran)


if __name__ == "__main__":
    main()
