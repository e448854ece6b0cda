"""Private and shared memory: one variable, changed by a child process, by a thread, and by the parent.

After a fork, the child has a copy of x. A thread has the x of its process. The other number lies in memory that
processes share.
"""

import mmap
import os
import queue
import select
import struct
import threading
import time

import tasklab

params = tasklab.params(
    start=1,
    step=10,
    patience=20.0,
)
tasklab.actions("change WHO", "finish")

WHO = ["child", "thread", "parent"]
ANSWER = struct.Struct("QQQQ")  # which order, x, the shared number, where x is

box = [params.start]  # x is box[0]
shared = memoryview(mmap.mmap(-1, 8)).cast("Q")
shared[0] = params.start


def change():
    box[0] += params.step
    shared[0] += params.step


def look():
    """What whoever calls this sees: x, the shared number, and where x is."""
    return box[0], shared[0], id(box)


def be_child(orders, tell):
    """The child: its x is a copy. It changes and tells, as it is ordered; each answer carries the number of its order."""
    number = 0
    while order := os.read(orders, 1):
        number += 1
        if order == b"c":
            change()
        os.write(tell, ANSWER.pack(number, *look()))
    os._exit(0)


def be_thread(asked, done):
    """The thread: its x is the x of its process."""
    tasklab.started("thread")
    tasklab.state("thread", "waiting", on="something to do", held_by="main")
    while asked.get():
        tasklab.state("thread", "running", on="x += step")
        change()
        tasklab.state("thread", "waiting", on="something to do", held_by="main")
        done.put(True)
    tasklab.finished("thread")


class Parent:
    def __init__(self):
        orders, self.order = os.pipe()
        self.told, tell = os.pipe()
        self.orders = 0
        self.pid = os.fork()
        if self.pid == 0:
            os.close(self.order)
            os.close(self.told)
            tasklab.rename("child")
            be_child(orders, tell)
        os.close(orders)
        os.close(tell)
        self.pidfd = os.pidfd_open(self.pid)
        tasklab.process_started(self.pid, "child")
        self.asked, self.done = queue.Queue(), queue.Queue()
        self.thread = threading.Thread(target=be_thread, args=(self.asked, self.done))
        self.thread.start()
        self.changes = []  # who, what the parent saw before and after, what the child saw before and after

    def ask(self, order):
        """Sends an order and takes its answer; None if there is none in time: the child has ended, or was stopped."""
        try:
            os.write(self.order, order)
        except OSError:
            return None
        self.orders += 1
        due = time.monotonic() + 2
        while not tasklab.is_given_up(self.pid, due):
            if not select.select([self.told], [], [], 0.1)[0]:
                continue
            answer = os.read(self.told, ANSWER.size)
            if not answer:
                return None
            number, *seen = ANSWER.unpack(answer)
            if number == self.orders:
                return tuple(seen)

    def attend(self, deadline):
        """Does what is asked until the deadline, or until somebody says that it is enough."""
        while time.monotonic() < deadline:
            tasklab.state("main", "waiting", on="you: who shall change x?")
            end = [] if tasklab.peek(self.pid) is not None else [self.pidfd]
            asked = tasklab.action(max(0, deadline - time.monotonic()), *end)
            if asked:
                do, target = asked
                if do == "finish":
                    break
                if target.strip() not in WHO:
                    tasklab.refuse(do, target, "it is the child, thread or parent that changes x")
                elif not self.change(target.strip()):
                    tasklab.refuse(do, target, f"the {target.strip()} does not answer: it has ended, or it is stopped")

    def change(self, who):
        """Lets one of them change both numbers, and looks from both processes; False if it could not."""
        before, childs_before, childs_after = look(), self.ask(b"r"), None
        if who == "child":
            childs_after = self.ask(b"c")
            if childs_after is None:
                return False
        elif who == "thread":
            self.asked.put(True)
            self.done.get()
        else:
            tasklab.state("main", "running", on="x += step")
            change()
        after, childs_after = look(), childs_after or self.ask(b"r")
        self.changes.append((who, before, after, childs_before, childs_after))
        told = f"{childs_after[0]} in the child" if childs_after else "nothing from the child"
        print(f"the {who} has changed x: {after[0]} in the parent, {told}")
        self.show()
        return True

    def show(self):
        for who, seen in ("parent", look()), ("child", self.ask(b"r")):
            if seen:
                tasklab.value(f"x in the {who}", seen[0])
                tasklab.value(f"shared number in the {who}", seen[1])
        tasklab.peek(self.pid)

    def end(self):
        tasklab.state("main", "waiting", on="the child and the thread")
        self.asked.put(None)
        self.thread.join()
        os.close(self.order)
        tasklab.reap(self.pid)


def claim(changes):
    def show(id, claim, pairs):
        # Of several changes, show one where the claim failed, or else the first one.
        if pairs:
            expected, observed = next((pair for pair in pairs if pair[0] != pair[1]), pairs[0])
            tasklab.fact(id, claim, expected, observed)

    answered = [one for one in changes if one[3] and one[4]]
    show("same-address", "x has the same address in both processes",
         [(hex(before[2]), hex(childs[2])) for _, before, _, childs, _ in answered])
    show("private", "when the child changes x, the parent's x stays what it was",
         [(before[0], after[0]) for who, before, after, _, _ in changes if who == "child"])
    show("private-too", "when the parent or its thread changes x, the child's x stays what it was",
         [(before[0], after[0]) for who, _, _, before, after in answered if who != "child"])
    show("thread", "when a thread changes x, x has changed for the whole process",
         [(before[0] + params.step, after[0]) for who, before, after, _, _ in changes if who == "thread"])
    if answered == changes:
        expected = params.start + params.step * len(changes)
        tasklab.fact("shared", "in shared memory everybody sees all changes: the number in the parent, and in the child",
                     [expected, expected], [changes[-1][2][1], changes[-1][4][1]])


def main():
    deadline = time.monotonic() + params.patience
    tasklab.started("main")
    parent = Parent()
    parent.show()
    parent.attend(deadline)
    # What nobody asked for is done now.
    for who in WHO:
        if all(change[0] != who for change in parent.changes):
            parent.change(who)
    parent.end()
    tasklab.finished("main")
    claim(parent.changes)


if __name__ == "__main__":
    main()
