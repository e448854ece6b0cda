"""Steps programs that know nothing of Task Lab, and looks at what they do then.

    python3 tests/observer/stepping.py [--python PYTHON] [--observer FOLDER] [CHECK …]

It says what it checks; exit status 1 if a check fails.
"""

import argparse
import os
import pathlib
import signal
import subprocess
import sys
import time
import traceback

import compare
from stepped import Program, at_gate, joins, plain, program

LOST = """\
import threading
counter = 0
def one_more(number):
    return number + 1
def work():
    global counter
    counter = one_more(counter)
threads = [threading.Thread(target=work, name=f"worker-{n}") for n in (1, 2)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(counter)
"""
STEP_ON = [("step", "on")]


def lose():
    """Steps LOST so that an update is lost: between the read and the write of worker-1 worker-2 does both. Gives the order."""
    with program(LOST, STEP_ON) as running:
        running.gate("main", "line 1")
        running.step("main", "line 11")
        running.step("worker-1", "call one_more")
        running.step("worker-2", "call one_more")
        running.step("worker-2", "return from work")
        running.step("worker-1", "return from work")
        running.act("step", "off")
        ended = running.end()
        assert ended == (0, "1\n", ""), ended
        assert running.values("step") == ["on", "off"]
        return running.values("order")[-1]


def an_update_is_lost_and_lost_again():
    """Two threads, stepped so that an update is lost; the order is replayed ten times, and loses it each time."""
    order = lose()
    assert order.count("worker-1") > 3 and order.count("worker-2") > 3, order
    for _ in range(10):
        with program(LOST, TASKLAB_ORDER=order) as running:
            ended = running.end()
            assert ended == (0, "1\n", ""), (ended, running.notices())
            assert running.notices() == [], running.notices()
            assert running.values("order")[-1] == order, running.values("order")


def an_order_with_nobody_in_it_is_given_up():
    """A replay that names nobody, and one that is longer than the program."""
    for order, text in (
        ("main main worker-7 main", "at place 3 it is the turn of worker-7, and no task is called that; there are: main"),
        ("main*99", "comes to no gate; there are: main, worker-1, worker-2"),
    ):
        with program(LOST, TASKLAB_ORDER=order) as running:
            ended = running.end()
            assert ended == (0, "2\n", ""), ended
            assert any(text in notice for notice in running.notices()), running.notices()
    with program("print(1)", TASKLAB_ORDER="main main*2") as running:
        assert running.end() == (0, "1\n", "")
        assert any("ended after 1 of 3 gates; the next is the turn of main" in text for text in running.notices()), running.notices()


ENDLESS = """\
import threading
stop = threading.Event()
def work():
    lock = threading.Lock()
    while not stop.is_set():
        with lock:
            pass
threads = [threading.Thread(target=work, name=f"worker-{n}") for n in (1, 2, 3)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print("over")
"""


def off_lets_all_run():
    """Step mode is switched on and off while threads run; while it is on nobody moves alone; a person's actions stop at no gate."""
    with program(ENDLESS) as running:
        running.until("all are there", joins)
        for _ in range(3):
            running.act("step", "on")
            standing = set()
            while not standing >= {"worker-1", "worker-2", "worker-3"}:
                standing.add(running.until("a gate", at_gate)["task"])
            before = len(running.values("order"))
            running.act("step", "worker-2")
            running.gate("worker-2")
            assert running.values("order")[-1].split()[before:] == ["worker-2"], running.values("order")
            running.act("step", "nobody")
            refused = running.until("a refusal", lambda told: told["kind"] == "action.refused")
            assert 'no task is called "nobody"' in refused["text"], refused
            running.act("step", "off")
            running.until("off", lambda told: told["kind"] == "value" and told["value"] == "off")
        running.act("step", "worker-1")
        refused = running.until("a refusal", lambda told: told["kind"] == "action.refused")
        assert refused["text"] == "step mode is off; `step on` switches it on", refused
        running.act("step", "on")
        running.until("a gate", at_gate)
        running.act("set", "event stop")
        running.act("step", "off")
        ended = running.end()
        assert ended == (0, "over\n", ""), ended


def on_and_off_again_and_again():
    """Step mode is switched on and off quickly: nobody is left at a gate."""
    with program(ENDLESS) as running:
        running.until("all are there", joins)
        for _ in range(100):
            for target in ("on", "worker-1", "off"):
                running.act("step", target)
            running.until("off", lambda told: told["kind"] == "value" and told["value"] == "off")
        running.act("set", "event stop")
        ended = running.end()
        assert ended == (0, "over\n", ""), ended


def a_closed_pipe_ends_step_mode():
    """Nobody is there any more who could say who goes next: all run."""
    with program(LOST, STEP_ON) as running:
        running.gate("main", "line 1")
        running.hang_up()
        ended = running.end()
        assert ended == (0, "2\n", ""), ended
        assert any("nobody is there who could say" in text for text in running.notices()), running.notices()


MANY_THINGS = """\
import concurrent.futures, queue, threading
belt, barrier, done = queue.Queue(2), threading.Barrier(2), threading.Semaphore(1)
gate, lock, entry = threading.Event(), threading.Lock(), threading.RLock()
turn = threading.Condition()
results, ready = [], False
simple = queue.SimpleQueue()
def produce():
    for number in range(4):
        belt.put(number)
    belt.put(None)
    gate.set()
def consume():
    while (number := belt.get()) is not None:
        with lock:
            results.append(number)
    simple.put("consumed")
def meet(name):
    barrier.wait()
    with done:
        with entry, entry:
            results.append("met")
def await_turn():
    with turn:
        turn.wait_for(lambda: ready)
        results.append("turn")
def square(number):
    return number * number
functions = [(produce, ()), (consume, ()), (meet, ("a",)), (meet, ("b",)), (await_turn, ())]
threads = [threading.Thread(target=function, args=arguments) for function, arguments in functions]
for thread in threads:
    thread.start()
gate.wait()
with turn:
    ready = True
    turn.notify_all()
print(simple.get())
for thread in threads:
    thread.join()
with concurrent.futures.ThreadPoolExecutor(2) as pool:
    squares = list(pool.map(square, range(4)))
print(sorted(map(str, results)), squares)
"""


def all_things_are_stepped_to_the_end():
    """Lock, RLock, queues, condition, barrier, semaphore, event and a pool: the one that waits longest is let go until the program ends."""
    expected = plain(MANY_THINGS)
    assert expected[0] == 0, expected
    with program(MANY_THINGS, STEP_ON) as running:
        ended = running.step_all()
        assert ended == expected, (ended, running.events[-30:])
        gates = {told["on"].removeprefix("step: ") for told in running.events if at_gate(told)}
        for gate in ("put queue belt", "get queue belt", "acquire lock lock", "release lock lock", "set event gate", "wait event gate",
                     "wait barrier barrier", "acquire semaphore done", "release semaphore done", "acquire lock turn", "wait condition turn",
                     "notify_all condition turn", "acquire lock entry", "put queue simple", "get queue simple", "call square",
                     "return from square", "start Thread-1 (produce)", "join Thread-1 (produce)", "line 30"):
            assert gate in gates, (gate, sorted(gates))
        order = running.order()
        assert "Thread-1_(produce)" in order, order
        passed = len(running.values("order"))
    for _ in range(3):
        with program(MANY_THINGS, TASKLAB_ORDER=order) as running:
            ended = running.end()
            assert (ended, running.notices()) == (expected, []), (ended, running.notices())
            assert (running.order(), len(running.values("order"))) == (order, passed), (order, running.order())


def without_gates_at_lines_nothing_is_lost():
    """A control: where a debugger traces the program only operations are gates, so that LOST cannot be stopped in the middle."""
    traced = "import sys\ndef trace(*arguments):\n    return trace\nsys.settrace(trace)\n" \
             "import threading\nthreading.settrace(trace)\n" + LOST
    with program(traced, STEP_ON) as running:
        ended = running.step_all()
        assert ended == (0, "2\n", ""), ended
        assert "step: join worker-1" in running.gates("main"), running.gates("main")
        assert any("traces it" in text for text in running.notices()), running.notices()
        assert not [gate for gate in running.gates("worker-1") if "one_more" in gate], running.gates("worker-1")


ERRORS = """\
import sys, threading, traceback
lock = threading.Lock()
def fails(depth):
    if depth:
        return fails(depth - 1)
    with lock:
        raise ValueError("deep")
def deep(n):
    return deep(n + 1)
def work():
    fails(1)
try:
    fails(2)
except ValueError:
    traceback.print_exc()
sys.setrecursionlimit(80)
try:
    deep(0)
except RecursionError as error:
    print(type(error).__name__)
sys.setrecursionlimit(1000)
print("".join(traceback.format_stack()))
thread = threading.Thread(target=work, name="worker")
thread.start()
thread.join()
def leaves():
    with lock:
        sys.exit(5)
thread = threading.Thread(target=leaves)
thread.start()
thread.join()
print(lock.locked(), len(threading.enumerate()))
fails(0)
"""


def errors_are_as_without():
    """Tracebacks, recursion, sys.exit() in a thread, the error that ends a program."""
    expected = plain(ERRORS)
    with program(ERRORS, STEP_ON) as running:
        status, stdout, stderr = running.step_all()
        folder = running.folder.name
        assert (status, stdout.replace(folder, ""), stderr.replace(folder, "")) == expected, (status, stdout, stderr, expected)


SORTS = """\
import functools
def doubled(function):
    @functools.wraps(function)
    def twice(*arguments):
        return 2 * function(*arguments)
    return twice
@doubled
def add(a, b):
    return a + b
def numbers():
    for n in range(2):
        yield n
class Account:
    def __init__(self):
        self.money = 1
    @property
    def rich(self):
        return self.money > 0
print(list(numbers()), add(1, 2), (lambda n: n + 1)(1), [n * n for n in range(3)], sum(n for n in range(3)), Account().rich)
exec("def inner():\\n    return 7\\nprint(inner())")
import asyncio
async def small(n):
    await asyncio.sleep(0)
    return n
async def main():
    return await asyncio.gather(small(1), small(2))
print(asyncio.run(main()))
"""


def all_sorts_of_functions_are_stepped():
    """Generators, decorators, lambdas, comprehensions, exec, properties, coroutines."""
    expected = plain(SORTS)
    with program(SORTS, STEP_ON) as running:
        ended = running.step_all()
        assert ended == expected, (ended, expected)
        gates = {gate.removeprefix("step: ") for gate in running.gates("main")}
        for gate in ("call numbers", "return from numbers", "call twice", "call add", "call <lambda>", "call __init__", "call rich",
                     "call inner", "call small", "return from small"):
            assert gate in gates, (gate, sorted(gates))
        assert not any("comp>" in gate for gate in gates), gates


INTERRUPTED = """\
import threading
lock = threading.Lock()
try:
    for n in range(1000000):
        with lock:
            n += 1
except KeyboardInterrupt:
    print("interrupted", lock.locked())
print("goes on")
"""


def ctrl_c_at_a_gate():
    """KeyboardInterrupt at gates before lines, before an acquire and before a release: the lock is free, and the program goes on."""
    for gate in ("line 6", "acquire lock lock", "release lock lock"):
        with program(INTERRUPTED, STEP_ON) as running:
            running.gate("main", "line 1")
            running.step("main", gate)
            running.process.send_signal(signal.SIGINT)
            running.until("it runs", lambda told: told["kind"] == "task.state" and told["state"] == "running")
            running.act("step", "off")
            ended = running.end()
            assert ended == (0, "interrupted False\ngoes on\n", ""), (gate, ended)


DAEMONS = """\
import os, sys, threading
lock = threading.Lock()
def work():
    while True:
        with lock:
            pass
for n in range(int(sys.argv[1]) if len(sys.argv) > 1 else 3):
    threading.Thread(target=work, daemon=True, name=f"daemon-{n}").start()
print("end", flush=True)
"""


def daemons_at_gates_do_not_keep_a_program():
    """A program ends, with os._exit or without, while daemons stand at gates; the first thread is stepped to its end."""
    for last in ("", "os._exit(0)\n"):
        with program(DAEMONS + last, STEP_ON) as running:
            standing = running.gate("main", "line 1")
            try:
                while standing:
                    running.act("step", "main")
                    standing = running.gate("main")
            except AssertionError:
                pass
            ended = running.end()
            assert ended == (0, "end\n", ""), ended
            assert set(running.values("order")[-1].split()) == {"main"}, running.values("order")


FIFTY = """\
import threading
lock, count = threading.Lock(), 0
def work():
    global count
    with lock:
        count += 1
threads = [threading.Thread(target=work) for _ in range(50)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(count)
"""


def fifty_threads_are_stepped():
    """Fifty threads that want one lock; their order comes in parts, and is replayed."""
    with program(FIFTY, STEP_ON) as running:
        ended = running.step_all()
        assert ended == (0, "50\n", ""), ended
        order = running.order()
        assert running.values("order-2"), order
    with program(FIFTY, TASKLAB_ORDER=order) as running:
        ended = running.end()
        assert (ended, running.notices(), running.order()) == ((0, "50\n", ""), [], order), (ended, running.notices())


FORKS = """\
import os, threading, time
def child():
    total = 0
    for n in range(100):
        total += n
    os._exit(total % 7)
def work():
    pid = os.fork()
    if pid == 0:
        child()
    print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)
work()
thread = threading.Thread(target=time.sleep, args=(1.5,))
thread.start()
thread.join()
work()
"""


def forked_children_run_freely():
    """A child that is forked is not stepped, its parent is; and an order is followed over a sleep that is longer than its patience."""
    expected = plain(FORKS)
    with program(FORKS, STEP_ON) as running:
        ended = running.step_all()
        assert ended[:2] == expected[:2], ended
        assert not running.gates("child-1"), running.gates("child-1")
        assert "step: line 12" in running.gates("main"), running.gates("main")
        order = running.values("order")[-1]
    with program(FORKS, TASKLAB_ORDER=order) as running:
        ended = running.end()
        assert (ended[:2], running.notices()) == (expected[:2], []), (ended, running.notices())


UNSEEN = """\
import os, socketserver, threading
reading, writing = os.pipe()
def read():
    print(os.read(reading, 1))
def serve(server):
    server.serve_forever(0.01)
server = socketserver.TCPServer(("127.0.0.1", 0), None)
threads = [threading.Thread(target=read), threading.Thread(target=serve, args=(server,))]
for thread in threads:
    thread.start()
os.write(writing, b"x")
threads[0].join()
server.shutdown()
threads[1].join()
print("over")
"""


def who_waits_unseen_does_not_keep_the_others():
    """A thread that reads from a pipe, and one whose library asks again and again, are no reason for the others to stand."""
    expected = plain(UNSEEN)
    with program(UNSEEN, STEP_ON) as running:
        ended = running.step_all()
        assert ended == expected, (ended, expected)


BUSY = """\
import threading
counter = 0
def one_more(number):
    return number + 1
def work():
    global counter
    while True:
        counter = one_more(counter)
threads = [threading.Thread(target=work, name=f"worker-{n}") for n in (1, 2)]
for thread in threads:
    thread.start()
threads[0].join()
"""


def threads_that_only_compute_are_stopped():
    """Step mode is switched on while threads run that do nothing but compute. Since Python 3.12 they stop; before they go on."""
    with program(BUSY) as running:
        running.until("all are there", joins)
        running.act("step", "on")
        running.until("on", lambda told: told["kind"] == "value" and told["name"] == "step")
        if Program.version >= (3, 12):
            standing = set()
            while not standing >= {"worker-1", "worker-2"}:
                standing.add(running.until("a gate", at_gate)["task"])
            before = len(running.values("counter"))
            running.step("worker-1", "return from one_more")
            running.step("worker-2", "return from one_more")
            assert len(running.values("counter")) <= before + 3, running.events
        else:
            running.until("the counter", lambda told: told["kind"] == "value" and told["name"] == "counter")
        assert running.process.poll() is None


DEADLOCK = """\
import threading
a, b = threading.Lock(), threading.Lock()
def work(first, second):
    with first:
        with second:
            pass
threads = [threading.Thread(target=work, args=locks, name=name, daemon=True) for name, locks in (("one", (a, b)), ("two", (b, a)))]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join(0.2)
    print(thread.is_alive())
"""


def a_deadlock_is_stepped_to_and_replayed():
    """Each of two takes one lock and waits for the other's: an order leads there, again and again."""
    with program(DEADLOCK, STEP_ON) as running:
        running.gate("main", "line 1")
        running.step("main", "line 10")
        running.step("one", "acquire lock b")
        running.step("two", "acquire lock a")
        for task, lock in (("one", "lock b"), ("two", "lock a")):
            running.act("step", task)
            running.until(lock, lambda told: told["kind"] == "task.state" and (told["state"], told.get("on")) == ("waiting", lock))
        order = running.values("order")[-1]
        running.act("step", "off")
        assert running.end()[1] == "True\nTrue\n"
    for _ in range(3):
        with program(DEADLOCK, TASKLAB_ORDER=order) as running:
            assert running.end()[1] == "True\nTrue\n", running.events
            assert running.notices() == []
    with program(DEADLOCK, TASKLAB_ORDER=f"{order} two") as running:
        assert running.end()[1] == "True\nTrue\n", running.events
        text = "it is the turn of two, which comes to no gate; there are: main, one, two"
        assert any(text in notice for notice in running.notices()), running.notices()


def programs_do_the_same_stepped():
    """The programs on threads that compare.py runs say and do the same where the one that waits longest is let go, again and again."""
    folder = pathlib.Path(compare.HERE) / "foreign" / "threads"
    programs = compare.programs([folder])
    assert programs
    for path in programs:
        expected = plain(path.read_text())
        with program(path.read_text(), STEP_ON) as running:
            status, stdout, stderr = running.step_all()
            ended = status, stdout.replace(running.folder.name, ""), stderr.replace(running.folder.name, "")
            assert ended == expected, (path.name, ended, expected)
            assert running.order(), path.name


CHECKS = [
    an_update_is_lost_and_lost_again, an_order_with_nobody_in_it_is_given_up, off_lets_all_run, on_and_off_again_and_again, a_closed_pipe_ends_step_mode,
    all_things_are_stepped_to_the_end, without_gates_at_lines_nothing_is_lost, errors_are_as_without, all_sorts_of_functions_are_stepped,
    ctrl_c_at_a_gate, daemons_at_gates_do_not_keep_a_program, fifty_threads_are_stepped, forked_children_run_freely,
    a_deadlock_is_stepped_to_and_replayed, who_waits_unseen_does_not_keep_the_others, threads_that_only_compute_are_stopped,
    programs_do_the_same_stepped,
]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", default="python3", help="the Python that runs the programs")
    parser.add_argument("--observer", default=str(compare.ASSETS), type=os.path.abspath, help="the folder that holds the observer")
    parser.add_argument("checks", nargs="*", metavar="CHECK", help="a part of the name of each check")
    arguments = parser.parse_args()
    Program.python, Program.observer = arguments.python, arguments.observer
    said = subprocess.run([Program.python, "-c", "import sys; print(*sys.version_info[:2])"], capture_output=True, check=True).stdout
    Program.version = tuple(map(int, said.split()))
    failed = 0
    chosen = [check for check in CHECKS if not arguments.checks or any(part in check.__name__ for part in arguments.checks)]
    for check in chosen:
        began = time.monotonic()
        try:
            check()
            said = "ok"
        except Exception:
            failed += 1
            said = "FAILED"
            traceback.print_exc(file=sys.stdout)
        print(f"{said} {check.__name__}: {check.__doc__} {time.monotonic() - began:.1f} s", flush=True)
    print(f"{len(chosen) - failed} passed, {failed} failed")
    return 1 if failed or not chosen else 0


if __name__ == "__main__":
    sys.exit(main())
