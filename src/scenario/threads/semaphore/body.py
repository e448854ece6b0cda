"""Semaphores: a few may enter, the rest queue, and nobody owns a permit."""

import threading
import time

import tasklab

params = tasklab.params(
    threads=8,
    permits=3,
    visits=5,
    stay=0.25,
)
tasklab.actions("more", "fewer")

LED_BAR = [17, 27, 22, 23, 24, 25, 5, 6]  # GPIO lines, in the order in which the LEDs lie on the bar.

door = tasklab.Semaphore("door", params.permits)


class Room:
    """What is behind the door, and who keeps the book."""

    def __init__(self):
        self.lock = threading.Lock()
        self.permits = self.most_permits = params.permits
        self.leaving = 0  # Permits that guards are about to take away.
        self.inside = [False] * len(LED_BAR)  # For each LED, whether somebody has its permit.
        self.most_inside = self.entries = self.over = 0

    def enter(self, name):
        """Somebody has come in; gives the LED that was lit for that."""
        with self.lock:
            led = self.inside.index(False) if False in self.inside else None
            if led is not None:
                self.inside[led] = True
                tasklab.gpio(LED_BAR[led], 1)
            now = sum(self.inside)
            self.entries += 1
            self.over += led is None or now > self.permits
            self.most_inside = max(self.most_inside, now)
            tasklab.value("threads inside", now)
            print(f"{name} is inside, with {now} of {self.permits} permits in use")
            return led

    def leave(self, led):
        with self.lock:
            if led is not None:
                self.inside[led] = False
                tasklab.gpio(LED_BAR[led], 0)
            tasklab.value("threads inside", sum(self.inside))

    def one_more(self):
        """There is one more before it is released: nobody enters by it earlier."""
        if self.permits == len(LED_BAR):
            return tasklab.refuse("more", "", "there are eight LEDs, and each permit has one")
        with self.lock:
            self.permits += 1
            self.most_permits = max(self.most_permits, self.permits)
            tasklab.value("permits", self.permits)
        door.release()

    def one_fewer(self, guards):
        """A guard acquires a permit, as soon as there is one, and keeps it."""
        with self.lock:
            if self.permits <= self.leaving + 1:
                return tasklab.refuse("fewer", "", "the last permit stays, or nobody would ever enter")
            self.leaving += 1
        guards.append(tasklab.Thread(target=self.guard, name=f"guard-{len(guards) + 1}"))
        guards[-1].start()

    def guard(self):
        door.acquire()
        with self.lock:
            self.permits -= 1
            self.leaving -= 1
            tasklab.value("permits", self.permits)


room = Room()


def visitor(name):
    for _ in range(params.visits):
        with door:
            led = room.enter(name)
            tasklab.state(name, "running", on="inside")
            time.sleep(params.stay)
            room.leave(led)
        tasklab.state(name, "sleeping")
        time.sleep(params.stay / 3)


def main():
    tasklab.started("main")
    names = [f"visitor-{number}" for number in range(1, params.threads + 1)]
    visitors = [tasklab.Thread(target=visitor, args=(name,), name=name) for name in names]
    guards = []
    for thread in visitors:
        thread.start()
    tasklab.state("main", "waiting", on="the visitors")
    while any(thread.is_alive() for thread in visitors):
        asked = tasklab.action(0.02)
        if asked and asked[0] == "more":
            room.one_more()
        elif asked:
            room.one_fewer(guards)
    # Guards that stand at a gate of step mode go on: nobody is told to let them pass any more.
    tasklab.step_mode(False)
    for thread in visitors + guards:
        thread.join()
    left = 0
    while door.acquire(blocking=False):
        left += 1
    tasklab.finished("main")

    tasklab.fact("inside", "never more threads are inside than there are permits: at the same time, at most",
                 f"<= {room.most_permits}", room.most_inside, room.most_inside <= room.most_permits)
    tasklab.fact("over", "nobody enters without a permit: entries beyond the permits of that moment", 0, room.over)
    tasklab.fact("all-in", "whoever waits gets in some time: entries", params.threads * params.visits, room.entries)
    tasklab.fact("permits-left", "when all have left, every permit is free, whoever released it: free permits", room.permits, left)


if __name__ == "__main__":
    main()
