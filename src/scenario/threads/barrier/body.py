"""Barriers: nobody goes on before the last one has come; and what happens when one stays away."""

import threading
import time

import tasklab

params = tasklab.params(
    parties=5,
    comers=4,
    timeout=0.6,
    patience=6.0,
)
tasklab.actions("send", "reset", "abort")

LED_BAR = [17, 27, 22, 23, 24, 25, 5, 6]  # GPIO lines, in the order in which the LEDs lie on the bar.
MOST_WORKERS = 24

gate = tasklab.Barrier("gate", params.parties)
book = threading.Condition()  # Its lock guards what follows; those who wait for a reset wait on it.
rounds = []  # What happened since the last reset: who came, who passed with which number, who got the error.
resting = lit = 0
is_over = False


def worker(number):
    """Comes some time and goes on together with the others; or gets the error, and comes again after a reset."""
    global resting
    name = f"worker-{number}"
    while True:
        with book:
            this = rounds[-1]
        tasklab.state(name, "sleeping")
        time.sleep(0.04 * (number * 3 % 7))
        with book:
            this["came"] += 1
            show_bar()
        try:
            place = gate.wait(params.timeout)
        except tasklab.BrokenBarrierError:
            print(f"{name} got BrokenBarrierError\n", end="")  # one write: several threads print at once
            tasklab.state(name, "waiting", on="a reset")
            with book:
                this["broken"] += 1
                resting += 1
                show_bar()
                book.wait_for(lambda: is_over or rounds[-1] is not this)
                resting -= 1
                if rounds[-1] is this:
                    break
        else:
            print(f"{name} passed, as number {place}\n", end="")
            with book:
                this["passed"].append(place)
                full_groups = this["came"] // params.parties * params.parties
                this["early"] += len(this["passed"]) > full_groups
                show_bar()
            break


def show_bar():
    """One LED for each that has come and not gone on."""
    global lit
    now = min(sum(one["came"] - len(one["passed"]) - one["broken"] for one in rounds), len(LED_BAR))
    for place in range(min(lit, now), max(lit, now)):
        tasklab.gpio(LED_BAR[place], int(place < now))
    lit = now


def new_round():
    rounds.append({"came": 0, "passed": [], "broken": 0, "early": 0})


def reset(threads):
    if not gate.broken:
        return tasklab.refuse("reset", "", "the barrier is not broken, and who waits there waits on")
    # Whoever is on the way finds it broken first; only a machine in trouble takes this long.
    end = time.monotonic() + 5
    while resting < sum(thread.is_alive() for thread in threads):
        if time.monotonic() > end or tasklab.is_stepped():
            return tasklab.refuse("reset", "", "somebody is still on the way to the broken barrier; try again")
        time.sleep(0.002)
    with book:
        gate.reset()
        new_round()
        book.notify_all()
    print("reset(): the barrier is whole again")


def main():
    global is_over
    tasklab.started("main")
    new_round()
    threads = []

    def send():
        if len(threads) == MOST_WORKERS:
            return tasklab.refuse("send", "", f"{MOST_WORKERS} workers are enough for one run")
        threads.append(tasklab.Thread(target=worker, args=(len(threads) + 1,), name=f"worker-{len(threads) + 1}"))
        threads[-1].start()

    for _ in range(params.comers):
        send()
    tasklab.state("main", "waiting", on="the workers")
    deadline = time.monotonic() + params.patience
    while time.monotonic() < deadline and any(thread.is_alive() for thread in threads):
        asked = tasklab.action(0.02)
        if not asked:
            continue
        deadline = time.monotonic() + params.patience
        if asked[0] == "send":
            send()
        elif asked[0] == "reset":
            reset(threads)
        elif gate.broken:
            tasklab.refuse(*asked, "the barrier is broken already; reset mends it")
        else:
            gate.abort()
    gate.abort()
    with book:
        is_over = True
        book.notify_all()
    tasklab.step_mode(False)
    for thread in threads:
        thread.join()
    tasklab.finished("main")

    passed = [place for one in rounds for place in one["passed"]]
    tasklab.fact("broken", "who comes and cannot pass gets the error, and nobody waits for ever: threads that got it",
                 sum(one["came"] - len(one["passed"]) for one in rounds), sum(one["broken"] for one in rounds))
    tasklab.fact("together", "nobody passes before the last one of a group has come: passes that were too early", 0, sum(one["early"] for one in rounds))
    tasklab.fact("groups", "who passes does so with a whole group: passes besides",
                 0, sum(len(one["passed"]) % params.parties for one in rounds))
    if passed:
        tasklab.fact("numbers", "wait() gives each thread of a group a number of its own",
                     sorted(list(range(params.parties)) * (len(passed) // params.parties)), sorted(passed))


if __name__ == "__main__":
    main()
