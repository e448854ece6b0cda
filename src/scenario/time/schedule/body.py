"""A scheduler keeps events in a queue; run() waits for each and does it."""
import sched
import time

tick = 1.0
priority_a = 2
priority_b = 1
blinks = 3

start = time.monotonic()
agenda = sched.scheduler()

def tell(name):
    print(f"{name} at {time.monotonic() - start:.3f} s")

def a():
    tell("a")

def b():
    tell("b")

def last():
    tell("last")

def never():
    tell("never")

def blink():
    tell("blink")
    time.sleep(tick / 4)

# enter takes a delay, enterabs a time on the clock.
print("enter", agenda.enter(3 * tick, 1, last))
print("enterabs", agenda.enterabs(start + 2 * tick, priority_a, a))
print("enterabs", agenda.enterabs(start + 2 * tick, priority_b, b))
mistake = agenda.enter(2.5 * tick, 1, never)
for number in range(blinks):
    agenda.enterabs(start + (number + 0.5) * tick, 1, blink)
agenda.cancel(mistake)

for event in agenda.queue:
    print(f"queue: {event.action.__name__}, due at {event.time - start:.3f} s, priority {event.priority}")
print("empty:", agenda.empty())
agenda.run()
tell("run() ended")
print("empty:", agenda.empty())
