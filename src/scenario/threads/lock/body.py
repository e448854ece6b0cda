"""Locks: one holds it, the others wait; what becomes of a release that was forgotten.

lock.acquire() waits until the lock is free; lock.release() gives it back. `with lock:` does both, also after an error.
"""

import threading
import time

import tasklab

params = tasklab.params(
    workers=4,
    rounds=20,
    section=40,
    outside=60,
    forget=False,
    patience=1.0,
    line=17,
)
tasklab.actions("hold", "release", "step [on|off|TASK]")

lock = tasklab.Lock("tool")
users = []  # who uses the tool now
at_once, held = [], []  # of each section: users at the same time, seconds
turned_away = []
closing = threading.Event()
enough = tasklab.Event("your release")


def use_tool():
    """What the lock is there for: one may do this at a time."""
    tasklab.gpio(params.line, 1)
    began = time.monotonic()
    users.append(threading.current_thread().name)
    at_once.append(len(users))
    time.sleep(params.section / 1000)
    users.pop()
    held.append(time.monotonic() - began)


def put_back():
    tasklab.gpio(params.line, 0)
    try:
        lock.release()
    except RuntimeError:
        tasklab.notice("a release came too late: somebody else had released the lock")


def work(number):
    for round in range(1, params.rounds + 1):
        tasklab.sleep(params.outside / 1000)
        lock.acquire()
        use_tool()
        if params.forget and number == 1 and round == (params.rounds + 1) // 2:
            return  # and the lock stays held
        put_back()


def pass_by():
    while not closing.is_set():
        if lock.acquire(blocking=False):
            put_back()
        else:
            turned_away.append(1)  # False: it does something else
        tasklab.sleep(0.01)


def hold():
    """You: until you say that it is enough."""
    lock.acquire()
    tasklab.gpio(params.line, 1)
    enough.wait(20)
    put_back()


def try_out():
    """What a lock does when it is asked in other ways: (whether tries got it, whether releases were taken)."""
    seat = tasklab.Semaphore("seat", 1)
    has_both, may_go = tasklab.Event("visitor has both"), tasklab.Event("visitor may go")
    released = []

    def release():
        try:
            lock.release()
        except RuntimeError:
            return False
        return True

    def visit():
        lock.acquire()
        seat.acquire()
        has_both.set()
        may_go.wait()
        released.append(release())

    visitor = tasklab.Thread(target=visit, name="visitor")
    visitor.start()
    has_both.wait()
    tries = [lock.acquire(blocking=False)]
    # The lock says who holds it; of a semaphore nobody can say.
    lock.acquire(timeout=0.05)
    seat.acquire(timeout=0.05)
    by_main = release()
    tries.append(lock.acquire(blocking=False))
    release()
    may_go.set()
    visitor.join()
    return tries, [by_main, *released]


def left_by(threads):
    """Who has ended without a release."""
    holder = next((thread for thread in threads if thread.name == lock.holder), None)
    return holder.name if holder and not holder.is_alive() and lock.locked() else None


def main():
    tasklab.started("main")
    tries, releases = try_out()
    workers = [tasklab.Thread(target=work, args=(number,), name=f"worker-{number}") for number in range(1, params.workers + 1)]
    passer_by = tasklab.Thread(target=pass_by, name="passer-by")
    began = time.monotonic()
    for thread in [*workers, passer_by]:
        thread.start()

    tasklab.state("main", "waiting", on="the workers")
    you, culprit, since = None, None, None
    while True:
        all_done = not any(thread.is_alive() for thread in workers)
        asked = tasklab.action(0.02) if not all_done else None
        holding = you is not None and you.is_alive()
        if asked and asked[0] == "hold" and not holding:
            enough.clear()
            you = tasklab.Thread(target=hold, name="you")
            you.start()
        elif asked and asked[0] == "release" and holding:
            enough.set()
        elif asked and asked[0] == "release" and left_by(workers):
            culprit = left_by(workers)
            put_back()
        elif asked and asked[0] == "hold":
            tasklab.refuse(*asked, "you hold it, or wait for it, already")
        elif asked:
            tasklab.refuse(*asked, "you do not hold it, and nobody has gone and left it locked")
        if found := left_by(workers):
            since = since or time.monotonic()
            if not culprit:
                tasklab.notice(f"{found} has ended and still holds the lock: whoever asks for it waits for ever")
                culprit = found
            if all_done or time.monotonic() - since >= params.patience:
                tasklab.notice("main releases the lock: nobody checks who does that")
                put_back()
        if all_done:
            break
    enough.set()
    closing.set()
    for thread in [passer_by, you] if you else [passer_by]:
        thread.join()
    elapsed = time.monotonic() - began
    tasklab.finished("main")

    forgotten = params.rounds // 2 if params.forget else 0
    percent = 100 * sum(held) / elapsed
    tasklab.value("time under the lock (%)", round(percent))
    tasklab.value("times the passer-by was turned away", len(turned_away))
    print(f"{len(held)} sections, one at a time, held the lock {percent:.0f} % of the time")
    tasklab.fact("at-once", "with the lock, one at a time: threads at it at the same time, at most", 1, max(at_once))
    tasklab.fact("sections", "nobody is left out, every section was done in the end: sections",
                 params.workers * params.rounds - forgotten, len(held))
    tasklab.fact("try", "acquire(blocking=False) gives False at once while the lock is held, and True when it is free",
                 "False, then True", ", then ".join(map(str, tries)))
    tasklab.fact("anybody", "a lock does not check who releases it: it takes main's release, and then refuses its holder's",
                 "taken, then refused", ", then ".join("taken" if taken else "refused" for taken in releases))
    tasklab.fact("bottleneck", "the run takes at least as long as all sections together, however many threads there are (ms)",
                 f">= {int(sum(held) * 1000)}", int(elapsed * 1000), elapsed >= sum(held))
    if params.forget:
        tasklab.fact("culprit", "the one that ended without a release was found", "worker-1", culprit or "nobody")


if __name__ == "__main__":
    main()
