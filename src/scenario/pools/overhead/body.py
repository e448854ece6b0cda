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
MOST_AGAIN = 8  # how often both ends are measured again, where what others do on this machine has blurred the result


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
    deadline = time.monotonic() + 20
    for process, source in children:
        with source:
            try:
                if source.poll(max(0, deadline - time.monotonic())):
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


def measure(microseconds, loops, best):
    """The tasks of one size in each way, in turns. Keeps, for each way, the least that it took, in milliseconds on the
    clock and of CPU time; gives how often the results were not the same."""
    wrong, expected = 0, serial(loops)
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
    return wrong


def facts(rows):
    """What is claimed: id, claim, whether more or less than which number, and the number that was measured."""
    smallest, largest = rows[min(rows)], rows[max(rows)]

    def times(row):
        """How many times as long the processes took as the tasks one after the other."""
        return row["processes"][0] / row["serial"][0]

    def overhead(row):
        """The part of the processes' CPU time that was not the tasks themselves, in percent."""
        return 100 * max(0, 1 - row["serial"][1] / row["processes"][1])

    return [
        ("trivial", "for the smallest tasks, a process each takes longer than one after the other (ms)",
         ">", smallest["serial"][0], smallest["processes"][0]),
        ("threads-cheaper", "for the smallest tasks, a process each takes longer than a thread each (ms)",
         ">", smallest["threads"][0], smallest["processes"][0]),
        ("catches-up", "the larger the tasks, the better processes do: they take so many times as long as one after the other",
         "<", times(smallest), times(largest)),
        ("overhead-shrinks", "the larger the tasks, the smaller the part of the CPU time that processes cost (%)",
         "<", overhead(smallest), overhead(largest)),
    ]


def holds(sign, than, observed):
    return observed > than if sign == ">" else observed < than


def main():
    tasklab.started("main")
    loops_a_microsecond = 1_000 / min(timed(task, 1_000)[0] for _ in range(20)) / 1000
    sizes = [min(LARGEST, params.smallest * params.factor ** step) for step in range(params.steps)]
    rows, wrong, again, is_finished = {}, 0, MOST_AGAIN, False
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
        wrong += measure(size, max(1, round(size * loops_a_microsecond)), rows.setdefault(size, {}))
        if not sizes and again and not all(holds(*measured) for _, _, *measured in facts(rows)):
            sizes, again = [min(rows), max(rows)], again - 1  # The least of more tries is nearer to what a busy machine hides.
        deadline = time.monotonic() + params.patience
    tasklab.finished("main")

    crossover = "no size that was tried"
    for size in sorted(rows, reverse=True):  # down to the smallest from which no larger one was slower again
        if rows[size]["processes"][0] >= rows[size]["serial"][0]:
            break
        crossover = f"{size} µs"
    tasklab.value("processes are faster from", crossover)
    print(f"processes are faster from: {crossover}")
    for id, claim, sign, than, observed in facts(rows):
        tasklab.fact(id, claim, f"{sign} {round(than, 3)}", round(observed, 3), holds(sign, than, observed))
    tasklab.fact("same-results", "the results are the same, whichever way: rounds in which they were not", 0, wrong)


if __name__ == "__main__":
    main()
