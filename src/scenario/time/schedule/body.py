"""Scheduled events: a queue sorted by time, and a run() that waits for each.

enter() takes a delay, enterabs() a time on the clock. Nothing happens before run().
"""

import sched
import time

import tasklab

params = tasklab.params(
    tick=1.0,
    priority_a=2,
    priority_b=1,
    blinks=4,
    line=17,
)
tasklab.actions("enter [NAME]", "cancel EVENT")

START = time.monotonic()
entered, cancelled, ran = [], [], []  # events, in this order; of those that ran, also when


def name_of(event):
    """An event is a tuple: time, priority, sequence, action, argument, kwargs. Ours have the name as first argument."""
    return event.argument[0]


def wait(seconds):
    """The scheduler sleeps by this. Whoever enters or cancels an event meanwhile is served at once."""
    asked = tasklab.action(seconds) if seconds > 0 else None
    if asked:
        do, name = asked[0], asked[1].strip()
        event = next((event for event in scheduler.queue if name_of(event) == name), None)
        if do == "cancel" and event:
            cancel(event)
        elif do == "cancel":
            tasklab.refuse(*asked, tasklab.unknown("event in the queue", name, map(name_of, scheduler.queue)))
        elif len(entered) >= 200:
            tasklab.refuse(*asked, "200 events are enough for one run")
        elif len(name) > 24:
            tasklab.refuse(*asked, "a name has 24 characters at most")
        else:
            enter(params.tick, 1, name or "extra")


scheduler = sched.scheduler(time.monotonic, wait)


def add(name, priority, enter_by, when, action):
    """Enters an event by scheduler.enter or scheduler.enterabs; a name that is taken gets a number."""
    base, number = name, 2
    while name in map(name_of, entered):
        name, number = f"{base}-{number}", number + 1
    tasklab.started(name, sort="event")
    tasklab.state(name, "waiting", on="the clock")
    event = enter_by(when, priority, perform, (name, action))
    entered.append(event)
    show_queue()
    return event


def enter(delay, priority, name, action=None):
    return add(name, priority, scheduler.enter, delay, action)


def enterabs(when, priority, name, action=None):
    return add(name, priority, scheduler.enterabs, when, action)


def cancel(event):
    scheduler.cancel(event)
    cancelled.append(event)
    tasklab.finished(name_of(event), "cancelled")
    show_queue()


def perform(name, action):
    """Runs when the event is due."""
    now = time.monotonic()
    event = next(event for event in entered if name_of(event) == name)
    ran.append((event, now))
    tasklab.state(name, "running")
    if action:
        action()
    else:
        print(f"{name} at {now - START:.3f} s")
    tasklab.finished(name)
    show_queue()


def show_queue():
    tasklab.value("the queue", [name_of(event) for event in scheduler.queue][:40])


def order(event):
    """What the queue is sorted by: time, priority, order of entry."""
    return event.time, event.priority, entered.index(event)


def main():
    tick = params.tick
    tasklab.started("main")
    enter(3 * tick, 1, "three")
    enter(1 * tick, 1, "one")
    same_time = START + 2 * tick
    enterabs(same_time, params.priority_a, "a")
    enterabs(same_time, params.priority_b, "b")
    twin = enterabs(same_time, 5, "twin")
    enterabs(same_time, 5, "twin-2")
    for blink in range(params.blinks):
        on = START + blink * tick + tick / 4
        enterabs(on, 1, f"led-on-{blink + 1}", lambda: tasklab.gpio(params.line, 1))
        enterabs(on + tick / 2, 0, f"led-off-{blink + 1}", lambda: tasklab.gpio(params.line, 0))
    cancel(twin)

    tasklab.state("main", "waiting", on="run()")
    scheduler.run()
    tasklab.finished("main")

    done = [event for event, _ in ran]
    kept = sorted((event for event in entered if event not in cancelled), key=order)
    lost = sorted((event for event in entered if event not in done), key=order)
    latest = max((now - event.time for event, now in ran), default=0)
    tasklab.value("latest event late by (ms)", round(latest * 1000, 1))
    tasklab.fact("order", "events run in the order of their times, however they were entered",
                 [name_of(event) for event in kept], [name_of(event) for event in done])
    tasklab.fact("same-time", "of events with the same time, the one with the lower number runs first; "
                 "of equal ones, the one that was entered first",
                 [name_of(event) for event in kept if event.time == same_time],
                 [name_of(event) for event in done if event.time == same_time])
    tasklab.fact("cancelled", "what was cancelled does not run, and nothing else is missing: events that did not run",
                 [name_of(event) for event in sorted(cancelled, key=order)], [name_of(event) for event in lost])
    tasklab.fact("not-early", "no event runs before its time: events that did", 0, sum(now < event.time for event, now in ran))
    tasklab.fact("empty", "run() returns when the queue is empty: events that were left", 0, len(scheduler.queue))


if __name__ == "__main__":
    main()
