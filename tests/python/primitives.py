"""The promise of the shim's primitives: Python's semantics, with and without a listener. The first argument is the shim's folder."""

import sys
import threading
import time

sys.path.insert(0, sys.argv.pop(1))
import tasklab


def until(condition):
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.001)


def run(*functions, names=None):
    threads = [tasklab.Thread(target=function, name=name) for function, name in zip(functions, names or "abcdef")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def fails(error, function, *args, **kwargs):
    try:
        function(*args, **kwargs)
    except error:
        return True
    return False


# A lock: one holder, no owner check, not reentrant.
lock = tasklab.Lock("counter")
assert fails(RuntimeError, lock.release)
lock.acquire()
assert lock.holder == "main" and not lock.acquire(blocking=False) and not lock.acquire(timeout=0.01)
run(lock.release, names=["thief"])
assert not lock.locked() and lock.holder is None
counter = 0


def count():
    global counter
    for number in range(300):
        with lock:
            now = counter
            if number % 50 == 0:
                time.sleep(0.0001)
            counter = now + 1


run(*[count] * 4)
assert counter == 1200, counter

# A semaphore has places and no owner.
seats = tasklab.Semaphore("seats", 2)
assert seats.acquire() and seats.acquire() and not seats.acquire(blocking=False) and seats.holder is None
seats.release(2)

# An event wakes all.
go, seen = tasklab.Event("go"), []
assert not go.wait(0.01) and not go.is_set()
run(*[lambda: seen.append(go.wait(60))] * 3, go.set)
assert seen == [True] * 3, seen
go.clear()
assert not go.is_set()

# A barrier opens for all, or breaks for all.
gate = tasklab.Barrier("gate", 3)


def places(count, timeout):
    found = []

    def come():
        try:
            found.append(gate.wait(timeout))
        except tasklab.BrokenBarrierError:
            found.append("broken")

    run(*[come] * count)
    return sorted(found, key=str)


for _ in range(20):
    assert places(3, 60) == [0, 1, 2]
assert places(2, 0.05) == ["broken"] * 2 and gate.broken and places(1, 60) == ["broken"]
gate.reset()
assert places(3, 60) == [0, 1, 2] and gate.n_waiting == 0

# A condition wakes as many as it is told.
ready, woken = tasklab.Condition("ready"), []
assert fails(RuntimeError, ready.wait) and fails(RuntimeError, ready.notify)


def wait():
    with ready:
        woken.append(ready.wait(60))


def notify():
    until(lambda: len(ready.waiters) == 2)
    with ready:
        ready.notify()
    until(lambda: woken)
    assert len(woken) == 1
    with ready:
        ready.notify_all()


run(wait, wait, notify)
assert woken == [True, True]
with ready:
    assert ready.wait(0.01) is False

# A queue keeps order and size, and counts what is not done.
mail, got = tasklab.Queue("mail", maxsize=2), []


def take():
    while (letter := mail.get()) is not None:
        got.append(letter)
        mail.task_done()
    mail.task_done()


def put():
    for letter in [*range(100), None, None]:
        mail.put(letter)
    mail.join()


run(take, take, put)
assert sorted(got) == list(range(100)) and mail.unfinished_tasks == 0
assert fails(tasklab.Empty, mail.get, timeout=0.01) and fails(tasklab.Empty, mail.get_nowait)
mail.put(1), mail.put(2)
assert fails(tasklab.Full, mail.put, 3, timeout=0.01) and mail.qsize() == 2 and mail.get() == 1

# A timer calls once, or never.
calls = []
for interval, is_cancelled in [(0.01, False), (60, True)]:
    timer = tasklab.Timer(interval, calls.append, args=[interval], name=f"timer of {interval}")
    timer.start()
    if is_cancelled:
        timer.cancel()
    timer.join()
assert calls == [0.01], calls

# A pool, a pipe.
with tasklab.ThreadPoolExecutor(2) as pool:
    futures = [pool.submit(pow, number, 2) for number in range(5)]
    assert [future.result() for future in futures] == [0, 1, 4, 9, 16]
ours, theirs = tasklab.Pipe("letters")
ours.send({"x": 1})
assert theirs.recv() == {"x": 1}
theirs.close()
assert fails(EOFError, ours.recv)

# Two locks in two orders.
a, b, both = tasklab.Lock("a"), tasklab.Lock("b"), threading.Barrier(2)


def take_both(first, second):
    first.acquire()
    both.wait()
    second.acquire()


def free():
    until(tasklab.deadlock)
    assert sorted(tasklab.deadlock()) == [("left", "lock b"), ("right", "lock a")]
    b.release()


run(lambda: (take_both(a, b), b.release(), a.release()), lambda: take_both(b, a), free, names=["left", "right", "free"])
assert tasklab.deadlock() == []

# An order of gates replays.


def lose():
    global counter
    tasklab.checkpoint("read counter")
    now = counter
    tasklab.checkpoint("write counter")
    counter = now + 1


for order, left in [("a a b b", 2), ("a b a b", 1), ("b b a a", 2), ("a b b a", 1)]:
    counter, before = 0, len(tasklab.order())
    tasklab.replay(order)
    run(lose, lose)
    assert (counter, tasklab.order()[before:]) == (left, order.split()), (order, counter)

# A thread's name may hold half a character.
names = []
run(lambda: names.append(threading.current_thread().name), names=["caf\udce9"])
assert names == ["caf\udce9"], names
print("all kept")
