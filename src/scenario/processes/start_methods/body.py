"""Fork, spawn, fork server: three ways to start a process that runs a function, what each costs, and what the child
has of its parent.
"""

import multiprocessing
import os
import re
import signal
import subprocess
import sys
import time

if sys.argv[1:] == ["unguarded"]:
    # A script without the guard: the spawned child reads it from its first line, and comes here, too.
    multiprocessing.get_context("spawn").Process(target=print, args=("started",)).start()
    sys.exit()

import tasklab

params = tasklab.params(
    method="all",
    rounds=4,
    ballast=32,
    patience=20.0,
)
tasklab.actions("start METHOD", "finish")

METHODS = ["fork", "spawn", "forkserver"]
MIB = 1024 * 1024
TO_TELL = 30  # seconds; who has not told of itself by then was stopped, or killed
STOPPED = 2  # seconds, where it is seen to be stopped

ballast = b""  # A variable that the parent sets while it runs. Who has it has got it from the parent.


def child(connection):
    """What runs in each child: it tells what it is, and waits for its release, or for the end of its parent."""
    parent = os.getppid()
    try:
        connection.send((parent, len(ballast) // MIB))
    except OSError:
        return  # It comes too late: the parent has given it up.
    while not connection.poll(0.2) and os.getppid() == parent:
        pass


def memory(pid):
    """Resident memory of a process, and how much of it is its alone and not shared with others, in KiB."""
    try:
        with open(f"/proc/{pid}/smaps_rollup") as file:
            kib = {line.split(":")[0]: int(line.split()[1]) for line in file if line.endswith("kB\n")}
    except OSError:
        return None
    return kib["Rss"], kib["Private_Clean"] + kib["Private_Dirty"]


def millis_on_a_core(pid):
    """How long a process has been on a core, which does not depend on what else the machine does."""
    try:
        with open(f"/proc/{pid}/schedstat") as file:
            return int(file.read().split()[0]) / 1e6
    except (OSError, IndexError):
        return None


def parent_of(pid):
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return int(stat.read().rpartition(")")[2].split()[1])
    except OSError:
        return None


def is_running(pid):
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rpartition(")")[2].split()[0] == "R"
    except OSError:
        return False


def too_long(*_):
    raise TimeoutError


def wake_all():
    """Continues whoever was stopped, the fork server perhaps, so that all can end."""
    for entry in os.listdir("/proc"):
        # Where /proc is another PID namespace's, its numbers are other processes here.
        if entry.isdecimal() and parent_of(entry) == os.getpid() == int(os.readlink("/proc/self")):
            os.kill(int(entry), signal.SIGCONT)


class Starter:
    def __init__(self):
        self.starts = []  # method, milliseconds, parent, MiB of the variable, parent of the parent, memory, CPU time
        self.staying = []  # processes, and the connections by which they are released

    def start(self, method, stays):
        """Starts a process, takes the time, looks at it, and lets it end, unless it is to stay. Whether it has come to tell of
        itself."""
        tasklab.state("main", "running", on=method)
        context = multiprocessing.get_context(method)
        ours, theirs = context.Pipe()
        process = context.Process(target=child, args=(theirs,), name=method)
        began = time.monotonic()
        signal.alarm(TO_TELL)  # Should the fork server have been stopped, it does not answer.
        try:
            process.start()
            theirs.close()
            parent, mib = self.hear(process, ours)
        except (OSError, EOFError):
            tasklab.notice(f"could not start a process by {method}: it did not come to tell of itself")
            return False
        finally:
            signal.alarm(0)
        millis = (time.monotonic() - began) * 1000
        # It waits for its release soon; only when it leaves its core, the kernel adds up how long it was there.
        while is_running(process.pid) and time.monotonic() < began + TO_TELL:
            time.sleep(0.001)
        cpu = millis_on_a_core(process.pid)
        tasklab.process_started(process.pid, method, ppid=parent)
        self.starts.append((method, millis, parent, mib, parent_of(parent), memory(process.pid), cpu))
        self.staying.append((process, ours))
        if not stays:
            self.release(*self.staying.pop())
        return True

    def hear(self, process, connection):
        """What the child tells. It may have been killed before, or stopped."""
        due = time.monotonic() + STOPPED
        while not connection.poll(0.02):
            if not process.is_alive() or tasklab.is_given_up(process.pid, due):
                process.kill()
                raise EOFError
        return connection.recv()

    def release(self, process, connection):
        """Lets a process end, and joins it. Who has not ended in time was stopped, and is killed."""
        try:
            connection.send("go")
        except OSError:
            pass  # It has ended already.
        process.join(2)
        if process.is_alive():
            process.kill()
            process.join()
        connection.close()
        tasklab.process_exited(process.pid, process.exitcode)
        tasklab.process_reaped(process.pid)

    def show(self):
        """The figures of each method; of one alone under the same names, to compare."""
        for method in METHODS:
            prefix = "" if params.method != "all" else f"{method}: "
            starts = [start for start in self.starts if start[0] == method]
            if starts:
                millis = min(start[1] for start in starts)
                tasklab.value(f"{prefix}ms until it began", round(millis, 2))
                print(f"{method}: {millis:.2f} ms until it began")
                on_a_core = [start[6] for start in starts if start[6]]
                if on_a_core:
                    tasklab.value(f"{prefix}ms of that on a core", round(min(on_a_core), 2))
                if starts[-1][5]:
                    tasklab.value(f"{prefix}memory (KiB)", starts[-1][5][0])
                    tasklab.value(f"{prefix}memory that is its own (KiB)", starts[-1][5][1])

    def attend(self, deadline):
        """Starts what is asked for, until the deadline, or until somebody says that it is enough."""
        while time.monotonic() < deadline:
            tasklab.state("main", "waiting", on="you: start one more?")
            asked = tasklab.action(max(0, deadline - time.monotonic()))
            if asked:
                do, target = asked
                if do == "finish":
                    break
                if target.strip() not in METHODS:
                    tasklab.refuse(do, target, tasklab.unknown("method", target, METHODS))
                elif len(self.starts) >= 60:
                    tasklab.refuse(do, target, "60 processes are enough for one run")
                else:
                    self.start(target.strip(), True)
                    self.show()


def set_twice():
    """What the second call of set_start_method raises."""
    multiprocessing.set_start_method("spawn")
    try:
        multiprocessing.set_start_method("spawn")
    except RuntimeError as error:
        return f"RuntimeError: {error}"


def forget_the_guard():
    """Runs this script without the guard, and gives the name of the error that its spawned child ends with."""
    command = [sys.executable, os.path.abspath(__file__), "unguarded"]
    run = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True)
    try:
        _, printed = run.communicate(timeout=20)
    except subprocess.TimeoutExpired:  # Somebody was stopped.
        os.killpg(run.pid, signal.SIGKILL)
        _, printed = run.communicate()
    if run.returncode < 0:
        return None  # It was killed before it could say anything.
    errors = re.findall(r"^(\w+Error)\b", printed, re.MULTILINE)
    print(f"without the guard, the spawned child ended with {errors[-1] if errors else 'no error'}")
    return errors[-1] if errors else "no error"


def claim(starts, default, twice, error):
    def show(id, claim, pairs):
        # Of several starts, show one where the claim failed, or else the first one.
        if pairs:
            expected, observed = next((pair for pair in pairs if pair[0] != pair[1]), pairs[0])
            tasklab.fact(id, claim, expected, observed)

    def of(*methods):
        return [start for start in starts if start[0] in methods]

    show("fork-inherits", "a forked child has what its parent's variable holds (MiB)",
         [(params.ballast, mib) for _, _, _, mib, *_ in of("fork")])
    show("spawn-fresh", "a spawned one has nothing of it: the program begins anew (MiB)",
         [(0, mib) for _, _, _, mib, *_ in of("spawn")])
    show("server-fresh", "nor has one from the fork server, which was small when it began (MiB)",
         [(0, mib) for _, _, _, mib, *_ in of("forkserver")])
    own = [seen[1] for *_, seen, _ in of("fork") if seen]
    if own:
        most = params.ballast * 512
        tasklab.fact("copy-on-write", "a fork copies no memory before somebody writes to it (KiB of its own)",
                     f"<= {most}", max(own), max(own) <= most)
    show("child", "who is forked or spawned is our child: its parent's PID",
         [(os.getpid(), parent) for _, _, parent, *_ in of("fork", "spawn")])
    show("grandchild", "who comes from the server is our grandchild: the PID of its parent's parent",
         [(os.getpid(), above) for _, _, _, _, above, *_ in of("forkserver")])
    spawned, served = ([start[6] for start in of(method) if start[6]] for method in ("spawn", "forkserver"))
    if spawned and served:
        ratio = round(min(spawned) / min(served), 1)
        tasklab.fact("spawn-costs", "until it begins, a spawned child is longer on a core than one from the server: so many times as long",
                     "> 1", ratio, ratio > 1)
    if error:
        tasklab.fact("guard", "without the guard, a spawned child comes to the line that started it: what becomes of that",
                     "ends with RuntimeError", f"ends with {error}")
    tasklab.fact("once", "set_start_method works once: what the second call gives",
                 "RuntimeError: context has already been set", twice)
    tasklab.fact("default", "the default method: fork up to Python 3.13, and forkserver from 3.14",
                 "fork" if sys.version_info < (3, 14) else "forkserver", default)


def main():
    global ballast
    tasklab.started("main")
    signal.signal(signal.SIGALRM, too_long)
    default = multiprocessing.get_all_start_methods()[0]
    twice = set_twice()
    ballast = b"x" * (params.ballast * MIB)
    starter = Starter()
    error = None
    if params.method == "all":
        has_server = starter.start("forkserver", False)  # The first one starts the server.
        for method in METHODS if has_server else METHODS[:2]:
            for number in range(1, params.rounds + 1):
                if not starter.start(method, number == params.rounds):
                    break  # One that could not start is no reason to wait for the next.
        error = forget_the_guard()
        starter.show()
        starter.attend(time.monotonic() + params.patience)
    else:
        for _ in range(10 * params.rounds):
            if not starter.start(params.method, False):
                break
        starter.show()
    tasklab.state("main", "waiting", on="its children")
    wake_all()
    for process, connection in starter.staying:
        starter.release(process, connection)
    tasklab.finished("main")
    claim(starter.starts, default, twice, error)


if __name__ == "__main__":
    main()
