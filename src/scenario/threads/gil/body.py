"""The global interpreter lock: threads that compute in Python take turns, as only one of them can hold the lock.

Processes have an interpreter each, and so a lock each. Who waits for input, or computes in C, lets go of the lock.
"""

import hashlib
import json
import math
import multiprocessing
import os
import pathlib
import sys
import threading
import time

import tasklab

params = tasklab.params(
    kind="all",
    workers=4,
    span=0.6,
    interval=5,
    affinity=0,
)
tasklab.actions("interval MILLISECONDS")

BUFFER = bytes(4 * 1024 * 1024)
MOST_ROUNDS = 5
# Cores that others must leave the processes, before it says something how many of them they use: the load of a machine
# is counted in ticks of 10 ms.
ENOUGH_LEFT = 0.75
last_seen = None  # the thread that noticed last that it runs
counter = 0


def used():
    """CPU time of the calling thread, and time that it was ready but had no core, in seconds. Some kernels do not
    count the latter: their schedstat is missing, or all zeros, also where it counts how often the thread got a core."""
    try:
        with open("/proc/thread-self/schedstat") as schedstat:
            _, delay, times = [int(word) for word in schedstat.read().split()]
    except OSError:
        times = 0
    return time.thread_time(), delay / 1e9 if times else None


def load(cores):
    """CPU time that was used on these cores so far, by whomever, in seconds; and the part of it that the host of a virtual
    machine took away. Nobody is charged for that: whoever had the core neither ran nor waited for one."""
    total = stolen = 0
    with open("/proc/stat") as stat:
        for line in stat:
            name, *ticks = line.split()
            if name.startswith("cpu") and name[3:].isdecimal() and int(name[3:]) in cores:
                # user, nice, system, idle, iowait, irq, softirq, steal
                total += sum(int(tick) for tick in ticks[:3] + ticks[5:8])
                stolen += int(ticks[7])
    return total / os.sysconf("SC_CLK_TCK"), stolen / os.sysconf("SC_CLK_TCK")


def quota(tree="/sys/fs/cgroup", groups="/proc/self/cgroup"):
    """Cores that the control groups of this process leave it, such as a container's: the least that its own group and those
    above it have in cpu.max, as microseconds of CPU time, of so many that pass."""
    lines = pathlib.Path(groups).read_text().splitlines()
    own = pathlib.Path(tree, next((line[4:] for line in lines if line.startswith("0::/")), ""))
    least = math.inf
    for group in [own, *own.parents]:
        try:
            most, period = (group / "cpu.max").read_text().split()
        except OSError:
            continue
        if most != "max":
            least = min(least, int(most) / int(period))
    return least


def give_back(found, stolen):
    """Adds the cores that a virtual machine's host took away: whoever had them would have run."""
    for one in found:
        if one["ready"] is not False:
            one["ready"] += stolen / len(found)


def spin(me, until):
    """Counts in pure Python. Gives the steps, and how often this thread found that another one had run before it."""
    global last_seen
    steps = turns = 0
    while time.monotonic() < until:
        if last_seen != me:
            last_seen = me
            turns += 1
        steps += 1
    return steps, turns


def hash_buffers(me, until):
    """Hashes large buffers. That is done in C, and the lock is let go for it."""
    steps = 0
    while time.monotonic() < until:
        hashlib.sha256(BUFFER)
        steps += 1
    return steps, 0


def measured(work, me, until):
    """Does some work, and gives what it cost."""
    cpu, delay = used()
    begin = time.monotonic()
    steps, turns = work(me, until)
    elapsed = time.monotonic() - begin
    cpu_now, delay_now = used()
    ready = delay is not None and (cpu_now - cpu + delay_now - delay) / elapsed
    return {"cpu": cpu_now - cpu, "ready": ready, "steps": steps, "turns": turns}


def ready_at_a_time(found):
    """How many of the workers ran, or were ready to, on the average; None where the kernel does not tell."""
    return None if any(one["ready"] is False for one in found) else round(sum(one["ready"] for one in found), 2)


def in_threads(work, kind):
    """Has all workers do this at the same time, as threads. Gives what each of them measured, and the cores they used."""
    found = []

    def worker(name, go):
        tasklab.started(name)
        tasklab.state(name, "waiting", on="the start")
        go.wait()
        tasklab.state(name, "running", on=kind)
        found.append(measured(work, name, begin + params.span))
        tasklab.finished(name)

    go = threading.Event()
    names = [f"{kind}-{number}" for number in range(1, params.workers + 1)]
    threads = [threading.Thread(target=worker, args=(name, go), name=name) for name in names]
    for thread in threads:
        thread.start()
    (_, stolen), begin, cpu = load(os.sched_getaffinity(0)), time.monotonic(), time.process_time()
    go.set()
    for thread in threads:
        thread.join()
    elapsed = time.monotonic() - begin
    cores = (time.process_time() - cpu) / elapsed
    give_back(found, (load(os.sched_getaffinity(0))[1] - stolen) / elapsed)
    show(f"{kind} threads", found, cores)
    return found, cores


def show(what, found, cores):
    tasklab.value(f"{what}: cores used", round(cores, 2))
    print(f"{len(found)} {what}: {cores:.2f} cores used, {ready_at_a_time(found)} running or ready at a time")


def start_processes():
    """The same in processes, which wait for the gate to open. Forked first, while there is one thread only."""
    gate, opener = os.pipe()
    hear, tell = os.pipe()

    def worker(name):
        os.close(opener)
        tasklab.started(name, sort="process")
        tasklab.state(name, "waiting", on="the start", held_by="main")
        os.read(gate, 1)
        tasklab.state(name, "running", on="spin")
        found = measured(spin, name, time.monotonic() + params.span)
        os.write(tell, (json.dumps(found) + "\n").encode())
        tasklab.finished(name)

    fork = multiprocessing.get_context("fork")
    names = [f"process-{number}" for number in range(1, params.workers + 1)]
    processes = [fork.Process(target=worker, args=(name,), name=name, daemon=True) for name in names]
    for process in processes:
        process.start()
        tasklab.process_started(process.pid, process.name)
    os.close(gate)
    os.close(tell)
    return processes, opener, hear


def finish_processes(processes, opener, hear, cores):
    """Opens the gate, and waits until all have told what they measured, or have ended, at most five seconds longer."""
    (load_before, stolen_before), begin = load(cores), time.monotonic()
    os.close(opener)
    told, deadline = b"", begin + params.span + 5
    asked = []
    while told.count(b"\n") < params.workers and time.monotonic() < deadline:
        action = tasklab.action(deadline - time.monotonic(), hear)
        if action:
            asked.append(action)
        if tasklab.readable(hear):
            chunk = os.read(hear, 4096)
            if not chunk:
                break
            told += chunk
    elapsed, (all_load, stolen) = time.monotonic() - begin, load(cores)
    for process in processes:
        if len(told.splitlines()) < params.workers:
            process.kill()
        process.join()
        if process.exitcode:
            tasklab.notice(f"{process.name} was killed before it had told what it measured")
        tasklab.process_exited(process.pid, process.exitcode)
        tasklab.process_reaped(process.pid)
    found = [json.loads(line) for line in told.splitlines()]
    give_back(found, (stolen - stolen_before) / elapsed)
    cpu = sum(one["cpu"] for one in found)
    show("processes", found, cpu / elapsed)
    left = min(len(cores), quota()) - max(0, all_load - load_before - cpu) / elapsed  # cores that others left us
    return found, cpu / elapsed, min(params.workers, left), asked


def wait_for_input():
    """Has all workers wait for input at the same time. Gives how many of them /proc shows asleep then."""
    pipes = [os.pipe() for _ in range(params.workers)]
    tids = []

    def worker(name, source):
        tasklab.started(name)
        tasklab.state(name, "waiting", on="input")
        tids.append(threading.get_native_id())
        os.read(source, 1)
        tasklab.finished(name)

    threads = [threading.Thread(target=worker, args=(f"reader-{number}", source))
               for number, (source, _) in enumerate(pipes, start=1)]
    for thread in threads:
        thread.start()
    asleep, deadline = 0, time.monotonic() + 20
    while asleep < params.workers and time.monotonic() < deadline:
        time.sleep(0.005)
        asleep = 0
        for tid in list(tids):
            with open(f"/proc/self/task/{tid}/stat") as stat:
                asleep += stat.read().rpartition(")")[2].split()[0] == "S"
    for _, sink in pipes:
        os.write(sink, b"x")
    for thread in threads:
        thread.join()
    print(f"{asleep} threads waited for input at the same time")
    return asleep


def lose_updates():
    """Threads add to one counter without a lock, and let others run between read and write. Gives what was lost."""
    global counter
    counter = 0

    def worker():
        global counter
        for _ in range(50):
            seen = counter
            time.sleep(0.0001)
            counter = seen + 1

    updates = lost = 0
    while lost == 0 and updates < 50 * 100:  # If one is done before the next one has begun, nothing is lost: once more.
        threads = [threading.Thread(target=worker, name="adder") for _ in range(max(2, params.workers))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        updates += 50 * len(threads)
        lost = updates - counter
    tasklab.value("lost updates", lost)
    print(f"{lost} of {updates} updates were lost")
    return lost


def count(steps):
    while steps:
        steps -= 1


def run_alone():
    """One kind of worker alone counts as far as it takes one core params.span seconds, so that times can be compared."""
    tries = []
    for _ in range(5):
        began = time.process_time()
        count(100_000)
        tries.append(time.process_time() - began)
    steps = int(params.span / max(min(tries), 1e-7) * 100_000)
    finished = []

    def work(name):
        tasklab.started(name, sort)
        tasklab.state(name, "running", on="counting")
        count(steps)
        tasklab.finished(name)
        finished.append(name)

    tasklab.state("main", "waiting", on=params.kind)
    sys.setswitchinterval(params.interval / 1000)
    begin, cpu = time.monotonic(), time.process_time()
    sort = {"threads": "thread", "processes": "process"}[params.kind]
    names = [f"{sort}-{number}" for number in range(1, params.workers + 1)]
    if params.kind == "threads":
        workers = [threading.Thread(target=work, args=(name,), name=name) for name in names]
    else:
        fork = multiprocessing.get_context("fork")
        workers = [fork.Process(target=work, args=(name,), name=name) for name in names]
    for worker in workers:
        worker.start()
        if params.kind == "processes":
            tasklab.process_started(worker.pid, worker.name)
    for worker in workers:
        worker.join(60)
        if params.kind == "processes":
            worker.kill()  # Only one that somebody has stopped is still there.
            worker.join()
            tasklab.process_exited(worker.pid, worker.exitcode)
            tasklab.process_reaped(worker.pid)
            finished += [worker.name] if worker.exitcode == 0 else []
    elapsed, cores = time.monotonic() - begin, (time.process_time() - cpu) / (time.monotonic() - begin)
    tasklab.finished("main")
    print(f"{params.workers} {params.kind} counted {steps} steps each, in {elapsed:.2f} s")
    tasklab.fact("counted", "every worker counts to the end: workers that did", params.workers, len(finished))
    if params.kind == "threads":
        tasklab.fact("threads-cores", "threads that need the one lock to compute use about one core, all together",
                     "<= 1.5", round(cores, 2), cores <= 1.5)


def main():
    tasklab.started("main")
    if params.affinity:
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:params.affinity])
    cores = os.sched_getaffinity(0)
    tasklab.value("cores", len(cores))
    if params.kind != "all":
        return run_alone()
    processes = start_processes()

    rounds = []  # (switch interval in ms, what the threads measured, cores that they used)

    def spin_in_threads(interval):
        sys.setswitchinterval(interval / 1000)
        tasklab.state("main", "waiting", on=f"threads, switch interval {interval} ms")
        rounds.append((interval, *in_threads(spin, "spin")))
        sys.setswitchinterval(0.005)

    spin_in_threads(params.interval)
    tasklab.state("main", "waiting", on="processes")
    in_processes, process_cores, cores_left, asked = finish_processes(*processes, cores)
    tasklab.state("main", "waiting", on="threads that hash")
    hashing, _ = in_threads(hash_buffers, "hash")
    tasklab.state("main", "waiting", on="threads that wait for input")
    asleep = wait_for_input()
    tasklab.state("main", "waiting", on="threads that add")
    lost = lose_updates()
    while action := asked.pop(0) if asked else tasklab.action(0):
        interval = action[1].strip()
        if not (interval.isdecimal() and 1 <= int(interval) <= 50):
            tasklab.refuse(*action, "the switch interval is a whole number of ms, from 1 to 50")
        elif len(rounds) >= MOST_ROUNDS:
            tasklab.refuse(*action, "five rounds are enough for one run")
        else:
            spin_in_threads(int(interval))
    tasklab.finished("main")

    most_cores = max(cores for _, _, cores in rounds)
    tasklab.fact("threads-cores", "threads that need the one lock to compute use about one core, all together",
                 "<= 1.5", round(most_cores, 2), most_cores <= 1.5)
    ready = ready_at_a_time(in_processes)
    if ready is not None:
        tasklab.fact("processes-ready", "processes do not wait for each other: so many run or are ready at a time",
                     f">= {0.8 * params.workers:.2f}", ready, ready >= 0.8 * params.workers)
    if cores_left >= ENOUGH_LEFT:
        tasklab.fact("processes-cores", "processes use the cores that are free: cores",
                     f">= {0.6 * cores_left:.2f}", round(process_cores, 2), process_cores >= 0.6 * cores_left)
    ready = ready_at_a_time(hashing)
    if ready is not None:
        tasklab.fact("hash-ready", "threads that compute without holding the lock do not wait either: so many run or are ready at a time",
                     f">= {0.6 * params.workers:.2f}", ready, ready >= 0.6 * params.workers)
    tasklab.fact("io-overlap", "threads that wait for input all wait at the same time: threads", params.workers, asleep)
    too_many = []
    for interval, found, _ in rounds:
        turns = sum(one["turns"] for one in found)
        most = int(1.5 * params.span * 1000 / interval) + 2 * params.workers
        tasklab.value(f"turns with a switch interval of {interval} ms", turns)
        too_many.append((turns - most, most, turns, sum(one["steps"] for one in found) // max(1, turns)))
    _, most, turns, steps = max(too_many)
    tasklab.fact("turns", "the lock changes hands at most once in a switch interval: turns", f"<= {most}", turns, turns <= most)
    tasklab.fact("steps-in-a-turn", "a turn is much longer than 100 steps: steps in a turn", "> 100", steps, steps > 100)
    tasklab.value("length of a turn (ms)", round(1000 * params.span / max(1, turns), 1))
    tasklab.fact("still-lost", "such a lock does not keep your counter right: updates that are lost between read and write",
                 "> 0", lost, lost > 0)


if __name__ == "__main__":
    main()
