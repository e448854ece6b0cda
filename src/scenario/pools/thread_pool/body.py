"""Thread pools: more tasks than workers, and the tasks queue.

A pool keeps a fixed number of workers. Every task is handed in at once, and a worker that is free takes the next one.
Swap ThreadPoolExecutor for ProcessPoolExecutor, and the same tasks run in processes of their own.
"""

import hashlib
import multiprocessing
import os
import resource
import threading
import time
import zlib
from concurrent.futures import BrokenExecutor, CancelledError, Future, ProcessPoolExecutor, ThreadPoolExecutor

import tasklab

params = tasklab.params(
    workers=4,
    tasks=24,
    kind="thread",
    work="hash",
    each=0.25,
)
tasklab.actions("submit", "cancel")

LED_BAR = [17, 27, 22, 23, 24, 25, 5, 6]  # GPIO lines: the first eight workers have an LED each.
BLOCK = 256 * 1024
TEXT = (__doc__ * (BLOCK // len(__doc__) + 1))[:BLOCK].encode()
rounds = 1  # how often a task works through the text


def piece(number):
    """Works through the text so often, and gives a number that depends on the task's."""
    if params.work == "compress":
        compressor = zlib.compressobj(1)
        return number + sum(len(compressor.compress(TEXT)) for _ in range(rounds)) + len(compressor.flush())
    if params.work == "count":
        return number + sum(len(TEXT.split()) for _ in range(rounds))
    digest = hashlib.sha256(str(number).encode())
    for _ in range(rounds):
        digest.update(TEXT)
    return int(digest.hexdigest()[:15], 16)


def measure():
    """How many rounds keep one core busy for params.each seconds. In CPU time, the best of some tries: what else the
    machine does must not make the tasks smaller."""
    tries = []
    for number in range(5):
        began = time.process_time()
        piece(number)
        tries.append(time.process_time() - began)
    return max(1, round(params.each / max(min(tries), 1e-6)))


def name():
    """The worker that runs this: a thread's name, or a process's."""
    if params.kind == "thread":
        return threading.current_thread().name
    return multiprocessing.current_process().name.replace("ForkProcess", "worker")


def hello():
    """Runs once in each worker, before its first task."""
    if params.kind == "process":
        tasklab.process_started(os.getpid(), name(), ppid=os.getppid())
    tasklab.started(name(), sort=params.kind)


def light(level):
    """A worker's LED is on while it is at work."""
    number = int("".join(filter(str.isdigit, name()))) - (params.kind == "process")
    if number < len(LED_BAR):
        tasklab.gpio(LED_BAR[number], level)


def task(number):
    """One task: who did it, from when to when, and the result."""
    tasklab.state(name(), "running", on=f"task {number}")
    light(1)
    start = time.monotonic()
    result = piece(number)
    end = time.monotonic()
    light(0)
    tasklab.state(name(), "waiting", on="the queue")
    return name(), os.getpid(), start, end, result


def most_at_once(spans):
    """How many of these spans of time overlap, at most."""
    moments = sorted([(start, 1) for start, end in spans] + [(end, -1) for start, end in spans])
    now = most = 0
    for _, change in moments:
        now += change
        most = max(most, now)
    return most


def make_pool():
    if params.kind == "thread":
        return ThreadPoolExecutor(max_workers=params.workers, thread_name_prefix="worker", initializer=hello)
    # Forked workers, as was the default up to Python 3.13, share this script's descriptors.
    fork = multiprocessing.get_context("fork")
    return ProcessPoolExecutor(max_workers=params.workers, mp_context=fork, initializer=hello)


def hand_in(pool, number):
    """Hands a task in. A worker may have been killed before the last of them: what a broken pool gives has failed."""
    try:
        return pool.submit(task, number)
    except BrokenExecutor as error:
        future = Future()
        future.set_exception(error)
        return future


def main():
    global rounds
    tasklab.started("main")
    tasklab.state("main", "running", on="measuring how much work a task is")
    rounds = measure()
    tasklab.state("main", "waiting", on="the pool")
    with make_pool() as pool:
        futures = [hand_in(pool, number) for number in range(params.tasks)]
        children = multiprocessing.active_children()
        while not all(future.done() for future in futures):
            tasklab.value("tasks that wait", sum(not future.running() and not future.done() for future in futures))
            tasklab.value("tasks done", sum(future.done() for future in futures))
            asked = tasklab.action(0.05)
            try:
                if asked and asked[0] == "submit":
                    futures.append(pool.submit(task, len(futures)))
                elif asked and not [future for future in futures if future.cancel()]:
                    tasklab.refuse(*asked, "no task waits: the workers have taken them all")
            except BrokenExecutor:
                tasklab.refuse(*asked, "the pool is closed, and takes no more tasks")
    # Leaving the with block has waited for every worker to end.
    for child in children:
        tasklab.process_exited(child.pid, child.exitcode)
        tasklab.process_reaped(child.pid)

    done, cancelled = [], 0
    for future in futures:
        try:
            done.append(future.result())
        except CancelledError:
            cancelled += 1
        except BrokenExecutor as error:
            tasklab.notice(f"the pool is broken: {error}")
    workers = {who for who, pid, start, end, result in done}
    processes = {pid for who, pid, start, end, result in done}
    at_once = most_at_once([(start, end) for who, pid, start, end, result in done])
    results = {result for who, pid, start, end, result in done}
    for who in workers:
        tasklab.finished(who)
    tasklab.state("main", "running", on="comparing with the results of working alone")
    alone = [piece(number) for number in range(min(2, len(futures)))] if len(done) == len(futures) else []
    tasklab.finished("main")

    used = [resource.getrusage(who).ru_utime for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    tasklab.value("CPU time (s)", round(sum(used), 2))
    workers_told = tasklab.counted(len(workers), params.kind, "threads" if params.kind == "thread" else "processes")
    print(f"{tasklab.counted(len(done), 'task', 'tasks')} done by {workers_told}")
    tasklab.fact("all-done", "every task that was not cancelled is done: tasks", len(futures) - cancelled, len(done))
    tasklab.fact("at-once", "never more tasks are at work than the pool has workers: at the same time, at most",
                 f"<= {params.workers}", at_once, at_once <= params.workers)
    tasklab.fact("workers", "a worker that is free takes the next task, so that few workers do many tasks: workers",
                 f"<= {params.workers}", len(workers), len(workers) <= params.workers)
    if params.kind == "thread":
        tasklab.fact("processes", "all workers are threads of one process: processes", min(1, len(done)), len(processes))
    else:
        tasklab.fact("processes", "each worker is a process of its own: processes", len(workers), len(processes))
    tasklab.fact("same-results", "the pool changes no result: results that differ from those of working alone", 0, len(set(alone) - results))


if __name__ == "__main__":
    main()
