# lanes: main, siren, counted-1, counted-2
# things: event alarm, queue history, barrier meeting
"""Classes of the program's own that are made from the library's, and a method of the library's that it replaces."""
from queue import Queue
from threading import *


class LoudEvent(Event):
    def __init__(self, sound):
        super().__init__()
        self.sound = sound
        self.times = 0

    def set(self):
        self.times += 1
        super().set()


class UniqueQueue(Queue):
    def _init(self, maxsize):
        self.seen = set()
        super()._init(maxsize)

    def _put(self, item):
        if item not in self.seen:
            self.seen.add(item)
            super()._put(item)


class Meeting(Barrier):
    def wait(self, timeout=None):
        place = super().wait(timeout)
        return "last" if place == 0 else "first"


class OneSeat(BoundedSemaphore):
    def __enter__(self):
        print("sits down")
        return super().__enter__()


class Box(Condition):
    pass


alarm = LoudEvent("wooo")
history = UniqueQueue()
meeting = Meeting(2)
run_before = Thread.run


def counting_run(self):
    history.put(self.name)
    run_before(self)


def sound():
    alarm.wait(0.02)
    alarm.set()
    meeting.wait()


siren = Thread(target=sound, name="siren")
siren.start()
other = meeting.wait()
siren.join()
print(other in ("first", "last"), alarm.sound, alarm.is_set(), alarm.times, isinstance(alarm, Event), issubclass(LoudEvent, Event))
Thread.run = counting_run
for name in ("counted-1", "counted-2", "counted-1"):
    thread = Thread(target=history.put, args=("x",), name=name)
    thread.start()
    thread.join()
Thread.run = run_before
print([history.get() for _ in range(3)], history.qsize())
with OneSeat(1) as seated, Box() as boxed:
    print(seated, boxed)
print(LoudEvent.__mro__[1] is Event, Meeting.__init__ is Barrier.__init__, current_thread() is main_thread())
