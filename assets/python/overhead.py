"""What a task costs: the same tasks one after the other, in a thread each, and in a process each.

A process has to be forked, and to tell its result through a pipe. For a task of some microseconds that is far more
work than the task itself; for a task of a second nobody notices.
"""

import multiprocessing
import resource
import threading
import time

import tasklab

params = tasklab.params(
    tasks=4,
    smallest=10,
    steps=4,
    factor=10,
    repeats=3,
    patience=20.0,
)
tasklab.actions("size MICROSECONDS", "finish")

LARGEST = 20_000  # microseconds
MOST_SIZES = 10  # those that a person asks for included


def task(loops):
    """Counts words, in pure Python, so often."""
    words = 0
    for _ in range(loops):
        words += len("a few words to count in a task".split())
    return words


def serial(loops):
    return [task(loops) for _ in range(params.tasks)]


def in_threads(loops):
    results = []
    threads = [threading.Thread(target=lambda: results.append(task(loops))) for _ in range(params.tasks)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def in_processes(loops):
    def child(sink):
        with sink:
            sink.send(task(loops))

    fork = multiprocessing.get_context("fork")
    results, children = [], []
    for _ in range(params.tasks):
        source, sink = fork.Pipe(duplex=False)
        process = fork.Process(target=child, args=(sink,), daemon=True)
        process.start()
        sink.close()
        children.append((process, source))
    for process, source in children:
        with source:
            try:
                if source.poll(20):
                    results.append(source.recv())
                else:
                    process.kill()
            except EOFError:
                pass  # It was killed: a result is missing.
        process.join()
    return results


WAYS = {"serial": serial, "threads": in_threads, "processes": in_processes}


def timed(work, *args):
    """Milliseconds that some work took, its CPU time in milliseconds (that of children included), and its result."""
    def cpu():
        return sum(used.ru_utime + used.ru_stime for used in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)))

    cpu_before, begin = cpu(), time.perf_counter()
    made = work(*args)
    return (time.perf_counter() - begin) * 1000, (cpu() - cpu_before) * 1000, made


def measure(microseconds, loops):
    """The tasks of one size in each way, in turns. Gives, for each way, the least that it took, in milliseconds on the
    clock and of CPU time; and how often the results were not the same."""
    best, wrong, expected = {}, 0, serial(loops)
    for _ in range(params.repeats * (3 if microseconds <= 1_000 else 1)):
        for way, work in WAYS.items():
            tasklab.state("main", "running", on=f"{way}, {microseconds} µs each")
            elapsed, cpu, results = timed(work, loops)
            least = best.get(way, (elapsed, cpu))
            best[way] = (min(least[0], elapsed), min(least[1], cpu))
            wrong += results != expected
    for way in WAYS:
        tasklab.value(f"{way}, {microseconds} µs each (ms)", round(best[way][0], 3))
    print(f"{params.tasks} tasks of {microseconds} µs: " + ", ".join(f"{way} {best[way][0]:.2f} ms" for way in WAYS))
    return best, wrong


def main():
    tasklab.started("main")
    loops_a_microsecond = 1_000 / min(timed(task, 1_000)[0] for _ in range(20)) / 1000
    sizes = [min(LARGEST, params.smallest * params.factor ** step) for step in range(params.steps)]
    rows, wrong, is_finished = {}, 0, False
    deadline = time.monotonic() + params.patience
    while sizes or not is_finished and time.monotonic() < deadline:
        if not sizes:
            tasklab.state("main", "waiting", on="you: one more size, or the end")
        while asked := tasklab.action(0 if sizes else max(0, deadline - time.monotonic())):
            do, target = asked[0], asked[1].strip()
            is_finished = is_finished or do == "finish"
            if do == "finish" and not sizes:
                break
            if do == "size" and not (target.isdecimal() and 1 <= int(target) <= LARGEST):
                tasklab.refuse(*asked, f"the size is a whole number of µs, from 1 to {LARGEST}")
            elif do == "size" and len(rows) + len(sizes) >= MOST_SIZES:
                tasklab.refuse(*asked, f"{MOST_SIZES} sizes are enough for one run")
            elif do == "size":
                sizes.append(int(target))
        if not sizes:
            continue
        size = sizes.pop(0)
        rows[size], differing = measure(size, max(1, round(size * loops_a_microsecond)))
        wrong += differing
        deadline = time.monotonic() + params.patience
    tasklab.finished("main")

    crossover = "no size that was tried"
    for size in sorted(rows, reverse=True):  # down to the smallest from which no larger one was slower again
        if rows[size]["processes"][0] >= rows[size]["serial"][0]:
            break
        crossover = f"{size} µs"
    tasklab.value("processes are faster from", crossover)
    print(f"processes are faster from: {crossover}")
    smallest, largest = rows[min(rows)], rows[max(rows)]

    def times(row):
        """How many times as long the processes took as the tasks one after the other."""
        return round(row["processes"][0] / row["serial"][0], 3)

    def overhead(row):
        """The part of the processes' CPU time that was not the tasks themselves, in percent."""
        return round(100 * max(0, 1 - row["serial"][1] / row["processes"][1]), 3)

    in_order, apart = round(smallest["serial"][0], 3), round(smallest["processes"][0], 3)
    tasklab.fact("trivial", "for the smallest tasks, a process each takes longer than one after the other (ms)",
                 f"> {in_order}", apart, apart > in_order)
    threads = round(smallest["threads"][0], 3)
    tasklab.fact("threads-cheaper", "for the smallest tasks, a process each takes longer than a thread each (ms)",
                 f"> {threads}", apart, apart > threads)
    tasklab.fact("catches-up", "the larger the tasks, the better processes do: they take so many times as long as one after the other",
                 f"< {times(smallest)}", times(largest), times(largest) < times(smallest))
    tasklab.fact("overhead-shrinks", "the larger the tasks, the smaller the part of the CPU time that processes cost (%)",
                 f"< {overhead(smallest)}", overhead(largest), overhead(largest) < overhead(smallest))
    tasklab.fact("same-results", "the results are the same, whichever way: rounds in which they were not", 0, wrong)


if __name__ == "__main__":
    main()
