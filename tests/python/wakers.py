"""Who woke whom: for each primitive a task `waiter` waits, and a task `waker` lets it go on. The argument is the shim's folder."""

import os
import sys
import threading
import time

sys.path.insert(0, sys.argv.pop(1))
import tasklab
from tasklab.stepping import steps


def until(condition):
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.0005)


def until_it_waits(task, on):
    until(lambda: task in steps.waits and steps.waits[task][0].on == on)


def until_it_sleeps(tid):
    """Until the kernel says that this thread sleeps."""
    until(lambda: open(f"/proc/self/task/{tid}/stat").read().rpartition(")")[2].split()[0] == "S")


def run(*threads):
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def meet(on, wait, wake):
    def waker():
        until_it_waits("waiter", on)
        wake()

    run(tasklab.Thread(target=wait, name="waiter"), tasklab.Thread(target=waker, name="waker"))


def fails(error, function):
    try:
        function()
    except error:
        return
    raise AssertionError("it did not fail")


def broken(timeout=None):
    fails(tasklab.BrokenBarrierError, lambda: gate.wait(timeout))


lock, seats, go, gate = tasklab.Lock("a"), tasklab.Semaphore("seats", 0), tasklab.Event("go"), tasklab.Barrier("gate", 2)
mail, ready = tasklab.Queue("mail", 1), tasklab.Condition("ready")


woken = []


def wait():
    with ready:
        woken.append(ready.wait())


def notify():
    with ready:
        ready.notify()
        until(lambda: "waiter" in ready.lock.waiters)
        run(tasklab.Thread(target=ready.release, name="releaser"))
        until(lambda: woken == [True])  # Else it might take the lock first.
        ready.acquire()


def each():
    lock.acquire()
    meet("lock a", lock.acquire, lock.release)
    meet("semaphore seats", seats.acquire, seats.release)
    meet("event go", go.wait, lambda: (go.set(), go.clear()))
    meet("barrier gate", gate.wait, gate.wait)
    meet("barrier gate", broken, gate.reset)
    meet("barrier gate", broken, gate.abort)
    gate.reset()
    meet("queue mail", mail.get, lambda: mail.put(1))
    mail.put(2)
    meet("queue mail", lambda: mail.put(3), mail.get)
    mail.task_done(), mail.task_done()
    meet("queue mail", mail.join, mail.task_done)
    assert mail.get() == 3
    meet("condition ready", wait, notify)
    ours, theirs = tasklab.Pipe("letters")
    meet("pipe letters", ours.recv, lambda: theirs.send("hello"))


def time_outs():
    """The same waits, which nobody ends; and one that a thread ends which has no lane."""
    def wait():
        assert not lock.acquire(timeout=0.01) and not seats.acquire(timeout=0.01) and not go.wait(0.01)
        broken(0.01)
        fails(tasklab.Empty, lambda: mail.get(timeout=0.01))
        mail.put(0)
        fails(tasklab.Full, lambda: mail.put(0, timeout=0.01))
        with ready:
            assert not ready.wait(0.01)
        nobody = threading.Thread(target=lambda: (until_it_waits("patient", "event go"), go.set()))
        nobody.start()
        assert go.wait()
        nobody.join()

    run(tasklab.Thread(target=wait, name="patient"))
    assert mail.get() == 0


def givers():
    """Two of each kind at once: each waiter names the giver of its own item."""
    def take(name):
        tasklab.value(name, mail.get())

    waiters = [tasklab.Thread(target=take, args=(name,), name=name) for name in ("taker-1", "taker-2")]
    for waiter in waiters:
        waiter.start()
        until_it_waits(waiter.name, "queue mail")
    run(*[tasklab.Thread(target=mail.put, args=(name,), name=name) for name in ("giver-1", "giver-2")])
    for waiter in waiters:
        waiter.join()


def ends():
    """A join, a timer that is cancelled, a pool whose worker was idle and one whose worker was not."""
    main, may_end = threading.get_native_id(), threading.Event()
    ending = tasklab.Thread(target=lambda: (may_end.wait(), until_it_sleeps(main)), name="ending")
    ending.start()
    ending.join(0.01)
    may_end.set()
    ending.join()
    bell = tasklab.Timer(60, print, name="bell")
    bell.start()
    run(tasklab.Thread(target=bell.cancel, name="canceller"))
    bell.join()
    with tasklab.ThreadPoolExecutor(1, "worker") as pool:
        pool.submit(time.sleep, 0).result()
        is_queued = threading.Event()
        run(tasklab.Thread(target=lambda: pool.submit(is_queued.wait), name="submitter"))
        queued = pool.submit(time.sleep, 0)
        is_queued.set()
        queued.result()


tasklab.started("main")
each()
time_outs()
givers()
ends()
tasklab.finished("main")
