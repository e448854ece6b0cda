"""Timers: a thread that sleeps, then calls a function; once, or at an interval; and what cancel() does."""

import threading
import time

import tasklab

params = tasklab.params(
    delay=2.5,
    interval=0.4,
    times=5,
)
tasklab.actions("cancel [TIMER]", "start")

CALL = 0.02  # How long each call of a repeated timer works, in seconds.
MOST_TIMERS = 20

lock = threading.Lock()
calls = []  # Which timer, when it was due, when it was called, and by which thread.


def call(name, due):
    """What a timer calls."""
    with lock:
        calls.append((name, due, time.monotonic(), threading.get_ident()))
    print(f"{name} calls")


class Once:
    """A timer that calls once: threading.Timer, with a lane."""

    def __init__(self, name, delay):
        self.name, self.cancelled_at = name, None
        self.timer = tasklab.Timer(delay, self.run, name=name)
        self.due = time.monotonic() + delay
        self.timer.start()

    def run(self):
        call(self.name, self.due)

    def cancel(self):
        self.timer.cancel()
        self.cancelled_at = time.monotonic()  # One that is cancelled when it is due may call all the same.

    def is_over(self):
        return self.cancelled_at is not None or not self.timer.is_alive()


class Repeated:
    """A thread that calls again and again. From its start it reckons when the next call is due; or it waits the interval
    after each call, and then the time of the calls adds up."""

    def __init__(self, name, drifts):
        self.name, self.drifts = name, drifts
        self.cancelled = threading.Event()
        self.start = time.monotonic()
        self.thread = tasklab.Thread(target=self.run, name=name)
        self.thread.start()

    def run(self):
        due = self.start
        for _ in range(params.times):
            due = (time.monotonic() if self.drifts else due) + params.interval
            tasklab.state(self.name, "sleeping")
            if self.cancelled.wait(max(0, due - time.monotonic())):
                break
            tasklab.state(self.name, "running", on="its call")
            call(self.name, due)
            time.sleep(CALL)

    def cancel(self):
        self.cancelled.set()

    def is_over(self):
        return not self.thread.is_alive()


def late_ms(name, start):
    """How late the last call of a repeated timer was, reckoned from its start."""
    when = [at for who, _, at, _ in calls if who == name]
    return max(0, (when[-1] - start - len(when) * params.interval) * 1000) if when else 0


def main():
    tasklab.started("main")
    timers = {"hello": Once("hello", params.delay), "doomed": Once("doomed", 2 * params.delay),
              "every": Repeated("every", drifts=False), "drift": Repeated("drift", drifts=True)}
    tasklab.state("main", "waiting", on="you, while the timers run")
    while not all(timer.is_over() for timer in timers.values()):
        do, target = tasklab.action(0.02) or ("nothing", "")
        if do == "start" and len(timers) - 2 < MOST_TIMERS:
            name = f"hello-{len(timers) - 2}"
            timers[name] = Once(name, params.delay)
        elif do == "start":
            tasklab.refuse(do, target, f"{MOST_TIMERS} timers are enough for one run")
        elif do == "cancel":
            # Without a name: the one that was started last, of those that wait and call once.
            waiting = [name for name, timer in timers.items() if not timer.is_over()]
            once = [name for name in waiting if isinstance(timers[name], Once)]
            name = target.strip() or (once or [""])[-1]
            if name in waiting:
                timers[name].cancel()
                print(f"{name} was cancelled")
            elif not name:
                tasklab.refuse(do, target, "no timer waits any more that calls once")
            elif name in timers:
                tasklab.refuse(do, target, f"{name} is over: it has called, or was cancelled")
            else:
                tasklab.refuse(do, target, tasklab.unknown("timer", name, timers))
    for thread in threading.enumerate():
        if thread is not threading.main_thread():
            thread.join()
    tasklab.finished("main")

    once = [timer for timer in timers.values() if isinstance(timer, Once)]
    count = {name: sum(who == name for who, _, _, _ in calls) for name in timers}
    cancelled = [timer.name for timer in once if timer.cancelled_at is not None and timer.cancelled_at < timer.due]
    kept = [timer.name for timer in once if timer.cancelled_at is None]
    tasklab.value("every: last call late by (ms)", round(late_ms("every", timers["every"].start), 1))
    tasklab.value("drift: last call late by (ms)", round(late_ms("drift", timers["drift"].start), 1))
    tasklab.fact("cancelled", "a timer that is cancelled in time never calls: calls of such timers",
                 0, sum(count[name] for name in cancelled))
    tasklab.fact("once", "a timer calls its function once: calls of each timer that was not cancelled",
                 [1] * len(kept), [count[name] for name in kept])
    tasklab.fact("not-early", "no timer calls too early: calls before their time", 0, sum(at < due for _, due, at, _ in calls))
    tasklab.fact("own-thread", "each timer calls in a thread of its own: calls in main's thread",
                 0, sum(thread == threading.main_thread().ident for _, _, _, thread in calls))
    for name, claim in (("every", "a timer with an interval calls again and again: calls"),
                        ("drift", "so does one that waits after each call: calls")):
        if not timers[name].cancelled.is_set():
            tasklab.fact(f"{name}-times", claim, params.times, count[name])
    if params.times > 1 and not timers["drift"].cancelled.is_set():
        lost = int((params.times - 1) * CALL * 1000) - 1
        late = int(late_ms("drift", timers["drift"].start))
        tasklab.fact("drifts", "an interval that begins after each call loses the time of the calls: the last one is late by (ms)",
                     f"> {lost}", late, late > lost)


if __name__ == "__main__":
    main()
