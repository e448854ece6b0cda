# lanes: main, clerk
"""A schedule: by delay and by time, by priority, one cancelled; and one that runs in a thread."""
import sched
import threading
import time

day = sched.scheduler(time.monotonic, time.sleep)
done = []


def meet(who, *, where="here"):
    done.append(f"{who} {where}")


start = day.timefunc() + 0.02
day.enterabs(start, 2, meet, ("second",))
day.enterabs(start, 1, meet, ("first",), {"where": "upstairs"})
cancelled = day.enter(600, 1, meet, argument=("never",))
day.enter(0.03, 1, meet, kwargs={"who": "third"})
print(len(day.queue), day.empty(), [(event.priority, event.argument) for event in day.queue if event.time == start])
print(type(cancelled).__name__, cancelled._fields[:4])
day.cancel(cancelled)
try:
    day.cancel(cancelled)
except ValueError as error:
    print(error)
day.run()
print(done, day.empty())


def again(times):
    done.append(f"tick {times}")
    if times:
        clock.enter(0, 0, again, (times - 1,))


hours = [0.0]
clock = sched.scheduler(lambda: hours[0], lambda passed: hours.__setitem__(0, hours[0] + passed))
clock.enter(5, 1, again, (2,))
print(clock.run(blocking=False), clock.empty())
clerk = threading.Thread(target=clock.run, name="clerk")
clerk.start()
clerk.join()
print(done[3:], hours[0])
failing = sched.scheduler()
failing.enter(0, 1, lambda: 1 / 0)
failing.enter(0, 2, print, ("still there",))
try:
    failing.run()
except ZeroDivisionError:
    failing.run()
