"""Threads: made, started, asked, joined; and what one that fails does to the others.

A Thread object runs nothing before start(). start() returns at once, join() waits for the end of the function.
"""

import os
import resource
import signal
import threading
import time

import tasklab

params = tasklab.params(
    threads=3,
    name="th",
    comma=True,
    life=2.0,
    patience=30.0,
)
tasklab.actions("start [THREAD]", "is-alive [THREAD]", "join [THREAD]", "join-timeout [THREAD]", "raise", "abort")

STEPS = 10
CRASHERS = 3

shared = []  # One variable of the process, which all its threads see.
seen = {}  # What each thread says of itself: its arguments, PID, TID, and its name in the kernel.
looked = {}  # Opened when main has looked at a thread that it has started.


def work(*args):
    """What each thread does. It ends by returning."""
    name = threading.current_thread().name
    given = comm(threading.get_native_id())  # Python 3.14 has named it already; older ones leave "python3".
    tasklab.started(name)
    seen[name] = {"args": args, "pid": os.getpid(), "tid": threading.get_native_id(), "given": given,
                  "comm": comm(threading.get_native_id())}
    print(f"{name} was given {args}")
    looked[name].wait()
    tasklab.state(name, "running", on="its function")
    for step in range(STEPS):
        shared.append((name, step))
        time.sleep(params.life / STEPS)
    tasklab.finished(name)


class Worker(threading.Thread):
    """The other way to make a thread: a subclass, whose run() is what it does."""

    def __init__(self, name, text):
        super().__init__(name=name)
        self.text = text

    def run(self):
        work(*self.text)


def comm(tid):
    """A thread's name in the kernel, at most 15 bytes."""
    with open(f"/proc/self/task/{tid}/comm", "rb") as file:
        return file.read().rstrip(b"\n").decode(errors="replace")


def exists(tid):
    return os.path.exists(f"/proc/self/task/{tid}")


def threads_of(pid="self"):
    """How many threads the kernel counts in a process; 0 if it has ended."""
    try:
        with open(f"/proc/{pid}/status", errors="replace") as file:
            status = dict(line.split(":", 1) for line in file)
    except OSError:
        return 0
    return 0 if "Z" in status["State"] else int(status["Threads"])


def until(condition, seconds=5.0):
    """Waits for a condition, at most this long."""
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.002)
    return condition()


def crash_test(orders):
    """The life of the other process: threads that wait to be told to fail."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    fail = [threading.Event() for _ in range(CRASHERS)]
    calm = threading.Event()

    def crasher(number):
        name = f"crash-{number + 1}"
        tasklab.started(name)
        tasklab.state(name, "waiting", on="an order to fail")
        while not calm.is_set():
            if fail[number].wait(0.05):
                tasklab.finished(name, "ZeroDivisionError")
                return 1 / 0

    threads = [threading.Thread(target=crasher, args=(number,), name=f"crash-{number + 1}") for number in range(CRASHERS)]
    for thread in threads:
        thread.start()
    for order in iter(lambda: os.read(orders, 1), b""):
        if order == b"a":
            os.abort()
        fail[int(order)].set()
    calm.set()
    for thread in threads:
        thread.join()


class CrashTest:
    """That process as its parent sees it. It is forked while there is one thread: no other is copied."""

    def __init__(self):
        orders, self.tell = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            os.close(self.tell)
            tasklab.rename("crash-test")
            crash_test(orders)
            os._exit(0)
        os.close(orders)
        self.pidfd = os.pidfd_open(self.pid)
        self.raised, self.left, self.aborted, self.ended = 0, None, False, None
        tasklab.process_started(self.pid, "crash-test")
        self.until(lambda: threads_of(self.pid) == CRASHERS + 1)

    def until(self, condition):
        """Waits until this is so, unless the process was stopped; whether it is."""
        due = time.monotonic() + 3
        until(lambda: condition() or tasklab.is_given_up(self.pid, due), 600)
        return condition()

    def order(self, byte):
        try:
            os.write(self.tell, byte)
        except BrokenPipeError:
            pass  # It has ended meanwhile, which look() finds.

    def raise_one(self):
        before = threads_of(self.pid)
        if self.ended or before <= 1:
            return "crash-test has no thread left for that"
        self.order(b"%d" % self.raised)
        if not self.until(lambda: threads_of(self.pid) != before):
            return "crash-test does not answer; was it stopped?"
        self.raised += 1
        self.left = threads_of(self.pid)
        tasklab.value("threads of crash-test", self.left)
        print(f"an exception in one thread: {tasklab.counted(self.left, 'thread is', 'threads are')} left in that process")

    def abort(self):
        if self.ended:
            return "crash-test has ended"
        self.aborted = True
        self.order(b"a")
        self.until(self.look)

    def look(self):
        """Waits on it if it has ended."""
        if self.ended is None and tasklab.readable(self.pidfd):
            code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
            self.ended = f"killed by {signal.Signals(-code).name}" if code < 0 else f"exited {code}"
            tasklab.process_exited(self.pid, code)
            tasklab.process_reaped(self.pid)
            print(f"crash-test {self.ended if code >= 0 else f'was {self.ended}'}")
        return self.ended

    def close(self):
        """Lets it end; if it cannot, because it was stopped, it is killed."""
        os.close(self.tell)
        if not self.until(self.look):
            os.kill(self.pid, signal.SIGKILL)
            self.until(self.look)


class Main:
    """What main does with its threads."""

    def __init__(self):
        before = threads_of()
        self.threads = {}
        for number in range(1, params.threads + 1):
            name, text = f"{params.name}{number}", f"T{number}"
            args = (text,) if params.comma else (text)  # Without the comma these are only brackets.
            if number > 1 and number == params.threads:
                self.threads[name] = Worker(name, args)
            else:
                self.threads[name] = threading.Thread(target=work, args=args, name=name)
            looked[name] = threading.Event()
            tasklab.event("task.started", task=name, sort="thread", pid=os.getpid())
            tasklab.state(name, "created")
        self.extra_before_start = threads_of() - before
        self.started, self.joined = [], []
        self.running_after_start = self.over_after_join = 0

    def start(self, name):
        thread = self.threads[name]
        try:
            thread.start()
        except RuntimeError as error:
            return f"RuntimeError: {error}"
        self.started.append(name)
        until(lambda: name in seen)
        self.running_after_start += thread.is_alive() and exists(seen[name]["tid"])
        print(f"start() of {name} has returned, is_alive() is {thread.is_alive()}")
        looked[name].set()

    def is_alive(self, name):
        alive = self.threads[name].is_alive()
        tasklab.value(f"{name} is alive", tasklab.yes_or_no(alive))
        print(f"{name}.is_alive() is {alive}")

    def join(self, name, timeout=None):
        thread = self.threads[name]
        tasklab.state("main", "waiting", on="join()", held_by=name)
        try:
            thread.join(timeout)
        except RuntimeError as error:
            return f"RuntimeError: {error}"
        finally:
            tasklab.state("main", "running")
        self.is_alive(name)
        if not thread.is_alive() and name not in self.joined:
            # The kernel takes a moment more to clear the thread away.
            steps = sum(who == name for who, _ in shared)
            self.over_after_join += steps == STEPS and until(lambda: not exists(seen[name]["tid"]))
            self.joined.append(name)

    def obey(self, do, target, crash):
        """Does what is asked, or gives the reason why that cannot be done."""
        tools = {"start": self.start, "is-alive": self.is_alive, "join": self.join,
                 "join-timeout": lambda name: self.join(name, 0.1)}
        if do == "raise":
            return crash.raise_one()
        if do == "abort":
            return crash.abort()
        target = target.strip()
        if target and target not in self.threads:
            return tasklab.unknown("thread", target, self.threads)
        # Where nobody is named: all of them, as far as they can.
        meant = [target] if target else self.able(do)
        if not meant:
            return "every thread has been started" if do == "start" else "no thread runs: start() comes first"
        for name in meant:
            if why := tools[do](name):
                return why

    def able(self, do):
        if do == "start":
            return [name for name in self.threads if name not in self.started]
        if do == "is-alive":
            return list(self.threads)
        return [name for name in self.started if name not in self.joined]


def main():
    tasklab.started("main")
    work_of_main = Main()
    crash = CrashTest()
    deadline = time.monotonic() + params.patience
    while time.monotonic() < deadline and not (len(work_of_main.joined) == params.threads and crash.look()):
        tasklab.value("items in the shared list", len(shared))
        tasklab.state("main", "waiting", on="you")
        others = [] if crash.ended else [crash.pidfd]
        asked = tasklab.action(min(0.1, deadline - time.monotonic()), *others)
        if asked:
            tasklab.state("main", "running")
            if why := work_of_main.obey(*asked, crash):
                tasklab.refuse(*asked, why)
    # Whatever nobody has done is done now.
    for do in ("start", "join"):
        work_of_main.obey(do, "", crash)
    crash.close()
    tasklab.value("items in the shared list", len(shared))
    tasklab.finished("main")

    names = work_of_main.started
    tasklab.value("the first thread's name at first", seen[names[0]]["given"])
    tasklab.fact("not-before-start", "making thread objects starts nothing: threads that the process has got before start()",
                 0, work_of_main.extra_before_start)
    tasklab.fact("start-returns", "start() makes the thread, and returns while its function still runs: threads of which that is so",
                 len(names), work_of_main.running_after_start)
    if params.comma:
        tasklab.fact("args", "args=('T1',) is a tuple: so many arguments", 1, len(seen[names[0]]["args"]))
    else:
        tasklab.fact("args", "args=('T1') is the text itself, and hands over its characters: so many arguments", 2, len(seen[names[0]]["args"]))
    tasklab.fact("one-process", "all threads have one PID, and each has a TID of its own: different PIDs, different TIDs",
                 [1, len(names)], [len({one["pid"] for one in seen.values()}), len({one["tid"] for one in seen.values()})])
    tasklab.fact("shared", "what the threads put into the same list is there for main: items",
                 len(names) * STEPS, len(shared))
    tasklab.fact("over", "after join() the function has returned, and the kernel has no such thread any more: threads",
                 len(names), work_of_main.over_after_join)
    tasklab.fact("names", "the kernel shows each thread's name, up to 15 bytes of it",
                 [name.encode()[:15].decode(errors="replace") for name in names], [seen[name]["comm"] for name in names])
    if crash.raised:
        tasklab.fact("exception", "an exception ends its own thread alone: threads that are left in its process",
                     CRASHERS + 1 - crash.raised, crash.left)
    if crash.aborted:
        tasklab.fact("crash", "abort() ends the whole process, whichever thread calls it", "killed by SIGABRT", crash.ended)


if __name__ == "__main__":
    main()
