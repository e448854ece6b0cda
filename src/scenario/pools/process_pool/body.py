"""Process pools: a list of tasks, spread over worker processes.

Pool() starts its workers once, and map() spreads a list over them in chunks. map() waits for all results; map_async()
returns at once, and its wait() waits. Both give the results in the order of the list.
"""

import hashlib
import multiprocessing
import os
import threading
import time

import tasklab

params = tasklab.params(
    workers=4,
    tasks=12,
    chunksize=1,
    size=16,
    patience=20.0,
)
tasklab.actions("chunksize SIZE", "finish")

fork = multiprocessing.get_context("fork")
CORES = getattr(os, "process_cpu_count", os.cpu_count)()  # what Pool() asks; since 3.13 that heeds the affinity
BLOCK = (__doc__ * 1000).encode()[:256 * 1024]
SLOW = max(1, params.tasks // 4)  # so many tasks at the head of the list are four times as much work
MOST_WANTED = 4  # maps that somebody can ask for
PATIENCE = 60.0  # seconds after which the pool is given up, so that a stopped worker does not hold it for ever

gate, opener = os.pipe()  # closed until main closes the opener: then reading finds the end of the file
begun = fork.Value("i", 0)  # workers that have begun
rounds = []  # (chunk size, when the call returned, results) of each map
wanted = []  # chunk sizes that somebody asked for
maps = 0  # of those, begun or waiting
size_by_default = 0
is_finished = False  # whether somebody has said that there will be no more maps
is_over = False
was_killed = False  # whether a worker was
changed = threading.Condition()  # for what is wanted and over


def hello():
    """Runs once in each worker, before its first task."""
    os.close(opener)
    with begun.get_lock():
        begun.value += 1
        multiprocessing.current_process().name = name = f"worker-{begun.value}"
    tasklab.process_started(os.getpid(), name, ppid=os.getppid())
    tasklab.started(name, sort="process")
    tasklab.state(name, "waiting", on="the queue")


def task(number):
    """One task: hashes text. Gives its number, who did it, and when it was done."""
    name = multiprocessing.current_process().name
    tasklab.state(name, "running", on=f"task {number}")
    digest = hashlib.sha256()
    for _ in range(params.size * 4 * (4 if number < SLOW else 1)):
        digest.update(BLOCK)
    tasklab.state(name, "waiting", on="the queue")
    return number, os.getpid(), time.monotonic()


def gated_task(number):
    """The same, after a go from main. With map() that would never come, as main would wait as well."""
    tasklab.state(multiprocessing.current_process().name, "waiting", on="the gate", held_by="main")
    os.read(gate, 1)
    return task(number)


def end(pool, workers, is_broken=False):
    """Ends the pool, also where a worker was killed or stopped: then close() and terminate() may wait for ever, since
    that worker held a lock of theirs. Whoever is still there after two seconds is killed."""
    global was_killed

    def close():
        pool.close()
        pool.join()

    ending = threading.Thread(target=pool.terminate if is_broken else close, daemon=True)
    ending.start()
    deadline = time.monotonic() + 2.0
    for worker in {*workers, *multiprocessing.active_children()}:
        worker.join(max(0, deadline - time.monotonic()))
        worker.kill()
        worker.join()
        # The pool's own thread may have waited on it just now, and not noted the status yet.
        while worker.exitcode is None and time.monotonic() < deadline + 2.0:
            time.sleep(0.001)
        was_killed = was_killed or worker.exitcode != 0
        tasklab.process_exited(worker.pid, worker.exitcode or 0)
        tasklab.process_reaped(worker.pid)
    ending.join(max(0, deadline - time.monotonic()))


def keep(pool, workers):
    """Hears actions and looks after the workers: in a thread of its own, since in map() main does neither."""
    global is_over, is_finished, maps
    deadline = time.monotonic() + PATIENCE + params.patience
    while True:
        asked = tasklab.action(0.05, *(worker.sentinel for worker in workers))
        # Pool starts another worker in place of one that has ended. (Its lock may have died with that one.)
        lost = begun.get_obj().value > params.workers or any(tasklab.readable(worker.sentinel) for worker in workers)
        with changed:
            if is_over:
                if asked:
                    tasklab.refuse(*asked, tasklab.TOO_LATE)
                return
            if asked:
                do, size = asked[0], asked[1].strip()
                if do == "finish":
                    is_finished = True
                elif not (size.isdecimal() and 1 <= int(size) <= 32):
                    tasklab.refuse(*asked, "the chunk size is a whole number of tasks, from 1 to 32")
                elif maps >= MOST_WANTED:
                    tasklab.refuse(*asked, "four more maps are enough for one run")
                else:
                    maps += 1
                    wanted.append(int(size))
                changed.notify_all()
            is_over = lost or time.monotonic() > deadline
        if is_over:
            # But nobody does the task that the lost one had: map() would wait for ever.
            tasklab.notice("a worker was lost with its task, which map() would await for ever: the pool is broken, and given up"
                           if lost else f"the pool is given up after {PATIENCE:.0f} s")
            end(pool, workers, is_broken=True)
            tell_facts()
            os._exit(0)


def show(chunksize, results):
    """How the work was shared out: the busiest worker's part of it."""
    work = {}
    for number, pid, _ in results:
        work[pid] = work.get(pid, 0) + (4 if number < SLOW else 1)
    percent = round(100 * max(work.values()) / sum(work.values()))
    tasklab.value(f"busiest worker's part with chunksize {chunksize} (%)", percent)
    print(f"chunksize {chunksize}: {tasklab.counted(len(work), 'worker', 'workers')}, the busiest one did {percent} % of the work")


def while_kept(keeper, call, *arguments):
    """Asks the pool for something. A pool that the keeper has given up meanwhile refuses; then the keeper ends Python."""
    try:
        return call(*arguments)
    except ValueError:
        keeper.join()
        raise


def main():
    global size_by_default, is_over
    tasklab.started("main")
    tasklab.value("cores", CORES)
    pool = fork.Pool()
    size_by_default = len(multiprocessing.active_children())
    end(pool, multiprocessing.active_children())
    print(f"a pool of the default size has {tasklab.counted(size_by_default, 'worker', 'workers')}")

    pool = fork.Pool(params.workers, initializer=hello)
    workers = multiprocessing.active_children()
    keeper = threading.Thread(target=keep, args=(pool, workers), name="keeper")
    keeper.start()

    tasklab.state("main", "waiting", on="map()")
    results = while_kept(keeper, pool.map, task, range(params.tasks), params.chunksize)
    rounds.append((params.chunksize, time.monotonic(), results))
    show(params.chunksize, results)

    result = while_kept(keeper, pool.map_async, gated_task, range(params.tasks), params.chunksize)
    returned = time.monotonic()
    tasklab.state("main", "running", on="what main has to do")
    print("map_async() has returned: main goes on, and opens the gate")
    os.close(opener)
    tasklab.state("main", "waiting", on="wait()")
    result.wait()
    rounds.append((params.chunksize, returned, result.get()))

    while True:
        if not wanted:
            tasklab.state("main", "waiting", on="you: one more map, or the end")
        with changed:
            changed.wait_for(lambda: wanted or is_finished, params.patience)
            if not wanted:
                is_over = True
                break
            chunksize = wanted.pop(0)
        tasklab.state("main", "waiting", on=f"map(), chunksize {chunksize}")
        results = while_kept(keeper, pool.map, task, range(params.tasks), chunksize)
        rounds.append((chunksize, time.monotonic(), results))
        show(chunksize, results)
    keeper.join()
    end(pool, workers)
    tasklab.finished("main")
    tell_facts()
    if was_killed:
        os._exit(0)  # At the end of Python each pool is ended once more, and would wait for that lock.


def tell_facts():
    everything = [result for _, _, results in rounds for result in results]
    orders = [[number for number, _, _ in results] for _, _, results in rounds]
    split = shared = chunks_with_slow = 0
    for chunksize, _, results in rounds:
        chunks = [results[first:first + chunksize] for first in range(0, params.tasks, chunksize)]
        split += sum(len({pid for _, pid, _ in chunk}) > 1 for chunk in chunks)
        slow = {pid for number, pid, _ in results if number < SLOW}
        if not shared or len(slow) > -(-SLOW // chunksize):
            shared, chunks_with_slow = len(slow), -(-SLOW // chunksize)
    in_order = list(range(params.tasks))
    tasklab.fact("default-size", "a pool that is not told its size has one worker for each core: workers", CORES, size_by_default)
    tasklab.fact("order-kept", "the results come in the order of the list, whichever task was done first",
                 in_order, next((order for order in orders if order != in_order), in_order if orders else []))
    tasklab.fact("map-waits", "when map returned, all was done: tasks that were left",
                 0, sum(at > returned for _, returned, results in rounds[:1] + rounds[2:] for _, _, at in results)
                 if rounds else params.tasks)
    tasklab.fact("async-returns", "when map_async returned, nothing was done yet: tasks that were left",
                 params.tasks, sum(at > returned for _, returned, results in rounds[1:2] for _, _, at in results))
    tasklab.fact("chunks", "the tasks of a chunk are all done by one worker: chunks that several had", 0, split)
    tasklab.fact("slow-tasks", "no more workers share the slow tasks than there are chunks of them: workers",
                 f"<= {chunks_with_slow}", shared, shared <= chunks_with_slow)
    processes = {pid for _, pid, _ in everything}
    tasklab.fact("workers", "however many tasks there are, the same few workers do them: workers",
                 f"<= {params.workers}", len(processes), len(processes) <= params.workers)
    tasklab.fact("elsewhere", "the tasks are done in other processes: tasks that main did itself",
                 0, sum(pid == os.getpid() for _, pid, _ in everything))


if __name__ == "__main__":
    main()
