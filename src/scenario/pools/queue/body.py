"""Queues: a belt between those who make items and those who use them up. First in, first out.

The queue does all the locking. An END marker tells one consumer that nothing will come any more: one for each.
"""

import multiprocessing
import os
import threading
import time

import tasklab

params = tasklab.params(
    producers=2,
    consumers=2,
    items=40,
    produce=0.05,
    consume=0.1,
    capacity=8,
    ends=1,
    line=17,
    button=26,
    patience=7.0,
)
tasklab.actions("pause CONSUMER", "resume CONSUMER", "put", "speed WHAT=SECONDS", "marker")

END = "END"
LEDS = 4


class Belt:
    """The queue, and what is seen of it."""

    def __init__(self):
        self.queue = tasklab.Queue("belt", params.capacity)
        self.counts = tasklab.Queue("counts")  # a 1 for each item that was used up
        self.produce, self.consume = params.produce, params.consume
        self.may_take = {f"consumer-{number}": tasklab.Event(f"consumer-{number} may take")
                         for number in range(1, params.consumers + 1)}
        self.taken = []  # (consumer, producer, number), in the order in which they were taken
        self.stopped = set()  # consumers that have found an END marker
        self.lit = [0] * LEDS
        self.deepest = self.counted = self.extra = 0
        self.ends = 0  # END markers that were put
        self.look = threading.Lock()
        tasklab.button(params.button)  # each press of it makes one more item

    def show_depth(self):
        """The depth as a number, and as a bar of LEDs."""
        with self.look:
            depth = self.queue.qsize()
            self.deepest = max(self.deepest, depth)
            tasklab.value("items on the belt", depth)
            for led in range(LEDS):
                level = int(depth * LEDS >= (led + 1) * params.capacity)
                if level != self.lit[led]:
                    self.lit[led] = level
                    tasklab.gpio(params.line + led, level)

    def producer(self, number):
        """Puts its share of the items."""
        for item in range(number - 1, params.items, params.producers):
            time.sleep(self.produce)
            self.queue.put((number, item))
            self.show_depth()

    def consumer(self, name):
        """Takes items until it finds an END marker."""
        while True:
            self.may_take[name].wait()
            item = self.queue.get()
            self.show_depth()
            if item == END:
                break
            self.taken.append((name, *item))
            time.sleep(self.consume)
            self.counts.put(1)
        self.stopped.add(name)

    def counter(self):
        """The only one that touches the counter, so it needs no lock: whoever wants to add sends a message."""
        while (count := self.counts.get()) != END:
            self.counted += count

    def put(self, item, hear):
        """main must not wait for room, as it has to hear what you want."""
        while True:
            try:
                self.queue.put(item, block=False)
                self.ends += item == END
                return self.show_depth()
            except tasklab.Full:
                hear(0.02)

    def obey(self, asked):
        """What works at any time: the belt's speed, and who may take from it. Gives the reason why it cannot be done."""
        do, target = asked[0], asked[1].strip()
        if do in ("pause", "resume"):
            return self.pause(target, do == "pause")
        if do == "speed":
            what, _, seconds = [word.strip() for word in target.partition("=")]
            if what not in ("produce", "consume") or not is_pause(seconds):
                return "it is produce=SECONDS or consume=SECONDS, with 0 to 0.2 seconds"
            setattr(self, what, float(seconds))
            tasklab.value(f"{what} (s)", float(seconds))
        elif do == "marker":
            return "an END marker stands after the last item, and the producers are still at work"
        else:
            return self.put_one_more()  # That was `put`, or a press of the button.

    def put_one_more(self):
        if self.ends >= params.consumers:
            return "there is an END marker for each consumer, so that nobody would take it"
        if self.extra >= 20:
            return "20 more items are enough for one run"
        try:
            self.queue.put((0, self.extra + 1), block=False)
        except tasklab.Full:
            return "the belt is full, and main must not wait for room"
        self.extra += 1
        self.show_depth()

    def pause(self, name, is_pause):
        if name not in self.may_take:
            return tasklab.unknown("consumer", name, self.may_take)
        if name in self.stopped:
            return f"{name} has found an END marker, and has stopped"
        if self.may_take[name].is_set() != is_pause:
            return f"{name} is {'paused' if is_pause else 'at work'} already"
        self.may_take[name].clear() if is_pause else self.may_take[name].set()
        tasklab.value(name, "paused" if is_pause else "at work")


def is_pause(text):
    try:
        return 0 <= float(text) <= 0.2
    except ValueError:
        return False


def quick_exit(daemon, tell):
    """A program of its own: its main ends at once, and leaves the items to a thread, which tells of each."""
    def work():
        for _ in range(12):
            time.sleep(0.08)
            os.write(tell, b".")

    threading.Thread(target=work, daemon=daemon).start()


def main():
    began = time.monotonic()
    tasklab.started("main")
    fork = multiprocessing.get_context("fork")
    programs = []
    for daemon in (True, False):
        hear_from, tell = os.pipe()
        name = "daemon-thread" if daemon else "waited-for"
        program = fork.Process(target=quick_exit, args=(daemon, tell), name=name)
        program.start()
        tasklab.process_started(program.pid, name)
        os.close(tell)
        programs.append((program, hear_from))

    belt = Belt()
    for may in belt.may_take.values():
        may.set()
    consumers = [tasklab.Thread(target=belt.consumer, args=(name,), name=name) for name in belt.may_take]
    producers = [tasklab.Thread(target=belt.producer, args=(number,), name=f"producer-{number}")
                 for number in range(1, params.producers + 1)]
    counter = tasklab.Thread(target=belt.counter, name="counter")
    for thread in [counter, *consumers, *producers]:
        thread.start()

    orders = []  # END markers that somebody asked for
    deadline = began + params.patience

    def hear(seconds, may_mark=False):
        """Hears actions for so long. When patience is over, nobody is paused any more."""
        asked = tasklab.action(seconds)
        if asked and asked[0] == "marker" and may_mark:
            orders.append(asked)
        elif asked and (why := belt.obey(asked)):
            tasklab.refuse(*asked, why)
        if time.monotonic() >= deadline:
            for may in belt.may_take.values():
                may.set()

    tasklab.state("main", "waiting", on="the producers")
    while any(producer.is_alive() for producer in producers):
        hear(0.02)
    for _ in range(params.ends):
        belt.put(END, hear)

    # The consumers that find a marker stop. Then look whether more of them do.
    stop, markers = min(params.ends, params.consumers), tasklab.counted(params.ends, "END marker", "END markers")
    tasklab.state("main", "waiting", on=f"{markers} for {tasklab.counted(params.consumers, 'consumer', 'consumers')}")
    while sum(consumer.is_alive() for consumer in consumers) > params.consumers - stop:
        hear(0.02, may_mark=True)
    look_until = time.monotonic() + 0.2
    while time.monotonic() < look_until:
        hear(0.02, may_mark=True)
    waiting = sum(consumer.is_alive() for consumer in consumers)
    stopped = params.consumers - waiting
    tasklab.value("consumers that wait", waiting)
    print(f"{markers}: of {params.consumers} consumers {tasklab.counted(stopped, 'has', 'have')} stopped")

    deadline = time.monotonic() + params.patience
    while any(consumer.is_alive() for consumer in consumers):
        if not orders:
            hear(0.02, may_mark=True)
        if time.monotonic() >= deadline and belt.ends < params.consumers:
            orders.append(("marker", ""))
        while orders:
            asked = orders.pop(0)
            if belt.ends < params.consumers:
                belt.put(END, hear)
            else:
                tasklab.refuse(*asked, "there is one for each consumer already")
    belt.counts.put(END)
    for thread in [counter, *consumers, *producers]:
        thread.join()
    for led in range(LEDS):
        tasklab.gpio(params.line + led, 0)

    done = []
    for program, hear_from in programs:
        told, limit = b"", time.monotonic() + 10
        while time.monotonic() < limit:
            if asked := tasklab.action(limit - time.monotonic(), hear_from):
                tasklab.refuse(*asked, tasklab.TOO_LATE)
            if tasklab.readable(hear_from):
                chunk = os.read(hear_from, 100)
                if not chunk:
                    break
                told += chunk
        else:
            program.kill()
        done.append(len(told))
        program.join()
        tasklab.process_exited(program.pid, program.exitcode)
        tasklab.process_reaped(program.pid)
    tasklab.finished("main")

    taken = [(producer, number) for _, producer, number in belt.taken]
    last, out_of_order = {}, 0
    for consumer, producer, number in belt.taken:
        out_of_order += number <= last.get((consumer, producer), -1)
        last[consumer, producer] = number
    print(f"{len(taken)} items taken, counted {belt.counted}; of 12 items for a thread that nobody waits for, {12 - done[0]} are lost")
    tasklab.fact("fifo", "items leave the queue in the order in which they came: items that did not", 0, out_of_order)
    tasklab.fact("each-once", "each item that was put is taken, and by one consumer only: items",
                 params.items + belt.extra, len(set(taken)) if len(set(taken)) == len(taken) else len(taken))
    tasklab.fact("counter", "a counter that is told through a queue is right, without a lock: items that it counted", len(taken), belt.counted)
    tasklab.fact("bounded", "the queue never holds more than its size, as put() waits then: items, at most",
                 f"<= {params.capacity}", belt.deepest, belt.deepest <= params.capacity)
    tasklab.fact("one-each", "each END marker stops one consumer: consumers that stopped", stop, stopped)
    tasklab.fact("left-waiting", "a consumer that finds no END marker waits for ever: consumers that wait", params.consumers - stop, waiting)
    tasklab.fact("daemon-loses", "when main ends, a thread that it does not wait for ends, too: items that are lost",
                 "> 0", 12 - done[0], 12 - done[0] > 0)
    tasklab.fact("wait-keeps", "when main waits for its thread, nothing is lost: items that are", 0, 12 - done[1])


if __name__ == "__main__":
    main()
