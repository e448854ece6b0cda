"""Joinable queues: join() waits until each item that was put is done, and not only taken.

put() adds one to a counter, task_done() takes one off, and join() returns when it is zero. An empty queue says little:
its last items may still be at work.
"""

import multiprocessing
import os
import threading
import time

import tasklab

params = tasklab.params(
    workers=3,
    items=9,
    work=0.3,
    held=1,
    patience=8.0,
)
tasklab.actions("done", "put")

MOST_EXTRA = 20
END = 0


def worker(name, queue, tell, go):
    """Takes items, and reports each as done. The last items of the list are held back until somebody gives a go."""
    def say(word, item):
        os.write(tell, f"{word} {item}\n".encode())

    tasklab.started(name, sort="process")
    while True:
        tasklab.state(name, "waiting", on="queue work")
        item = queue.get()
        if item == END:
            break
        say("taken", item)
        tasklab.state(name, "running", on=f"item {item}")
        time.sleep(params.work)
        if params.items - params.held < item <= params.items:
            say("held", item)
            tasklab.state(name, "waiting", on="your go for task_done()", held_by="main")
            os.read(go, 1)
        say("done", item)
        queue.task_done()
    queue.task_done()
    tasklab.finished(name)


class Parent:
    def __init__(self):
        fork = multiprocessing.get_context("fork")
        self.queue = fork.JoinableQueue()
        self.hear_workers, tell = os.pipe()
        go, self.give_go = os.pipe()
        names = [f"worker-{number}" for number in range(1, params.workers + 1)]
        self.workers = [fork.Process(target=worker, args=(name, self.queue, tell, go), name=name) for name in names]
        for process in self.workers:
            process.start()
            tasklab.process_started(process.pid, process.name)
        os.close(tell)
        self.said = {"taken": [], "held": [], "done": []}
        self.unread = b""
        self.put = self.goes = self.orders = self.too_early = self.left_when_empty = 0
        self.joined = threading.Event()
        self.deadline = time.monotonic() + params.patience

    def put_one(self):
        self.put += 1
        self.queue.put(self.put)

    def listen(self, seconds):
        """Hears actions and workers for so long, at most."""
        asked = tasklab.action(seconds, self.hear_workers)
        if asked:
            # While an item is held back, join() cannot return before this one is counted.
            if self.goes >= params.held:
                tasklab.refuse(*asked, "no item is held back any more, so that join() may return")
            elif asked[0] == "put" and self.put >= params.items + MOST_EXTRA:
                tasklab.refuse(*asked, f"{MOST_EXTRA} more items are enough for one run")
            elif asked[0] == "put":
                self.put_one()
            elif self.orders >= params.held:
                tasklab.refuse(*asked, "every item that is held back will be reported already")
            else:
                self.orders += 1
        if tasklab.readable(self.hear_workers):
            *lines, self.unread = (self.unread + os.read(self.hear_workers, 4096)).split(b"\n")
            for line in lines:
                word, item = line.decode().split()
                self.said[word].append(int(item))
                if word == "taken" and len(self.said["taken"]) == self.put:
                    self.left_when_empty = max(self.left_when_empty, self.put - len(self.said["done"]))
            tasklab.value("unfinished items", self.put - len(self.said["done"]))

    def give_goes(self):
        """Lets the workers report what they hold back, one for each go that was ordered; all, when patience is over."""
        if time.monotonic() >= self.deadline:
            self.orders = params.held
        while self.goes < min(self.orders, len(self.said["held"])):
            self.too_early += self.joined.is_set()
            self.goes += 1
            os.write(self.give_go, b".")

    def lost(self):
        """A worker that has ended without being told to."""
        return next((process for process in self.workers if not process.is_alive()), None)


def main():
    tasklab.started("main")
    parent = Parent()
    for _ in range(params.items):
        parent.put_one()

    def join():
        tasklab.started("joiner")
        tasklab.state("joiner", "waiting", on="join()")
        parent.queue.join()
        parent.joined.set()
        tasklab.finished("joiner")

    # In a thread of its own, so that main can hear you meanwhile.
    threading.Thread(target=join, name="joiner", daemon=True).start()
    tasklab.state("main", "waiting", on="the joiner")
    give_up = time.monotonic() + params.patience + 60
    while not parent.joined.is_set():
        parent.listen(0.02)
        parent.give_goes()
        lost = parent.lost()
        if lost or time.monotonic() > give_up:
            # Nobody will ever report the item that it had, and it may have died with the queue's lock.
            who = f"{lost.name} has ended, with its item not done" if lost else "the workers do not go on"
            tasklab.notice(f"{who}: join() would wait for ever, and the queue is given up")
            end(parent, "given up")
            tell_facts(parent, refused=None)
            os._exit(0)

    while tasklab.readable(parent.hear_workers):
        parent.listen(0)
    try:
        parent.queue.task_done()
        refused = False
    except ValueError as error:
        refused = True
        print(f"one task_done() more: {error}")
    for _ in parent.workers:
        parent.queue.put(END)
    end(parent, "ok")
    tasklab.finished("main")
    tell_facts(parent, refused)


def end(parent, how):
    """Waits for the workers; who does not end within two seconds, or was given up, is killed."""
    until = time.monotonic() + (2.0 if how == "ok" else 0)
    for process in parent.workers:
        process.join(max(0, until - time.monotonic()))
        process.kill()
        process.join()
        tasklab.process_exited(process.pid, process.exitcode)
        tasklab.process_reaped(process.pid)


def tell_facts(parent, refused):
    done = len(parent.said["done"])
    print(f"{parent.put} items put, {len(parent.said['taken'])} taken, {done} done")
    tasklab.fact("join-waits", "when join() returned, all was done: items that were left", 0, parent.put - done)
    tasklab.fact("empty", "an empty queue is no finished one: items that were still at work when it was empty",
                 "> 0", parent.left_when_empty, parent.left_when_empty > 0)
    if params.held:
        state = "join() waited" if parent.goes == params.held and not parent.too_early else "join() did not wait"
        tasklab.fact("held-back", "items that were taken, and not reported as done, hold join() up", "join() waited", state)
    tasklab.fact("too-often", "task_done() once too often gives", "an error",
                 None if refused is None else "an error" if refused else "no error")
    tasklab.fact("each-once", "each item was taken once: items", parent.put, len(set(parent.said["taken"])))


if __name__ == "__main__":
    main()
