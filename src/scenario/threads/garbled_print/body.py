"""Two threads, one screen: what they print at the same time is torn, unless a lock keeps each line together."""

import os
import threading
import time

import tasklab

params = tasklab.params(
    writers=2,
    lines=40,
    pause=0.003,
    lock=False,
)
tasklab.actions("lock [on|off]")

# The screen is a pipe that all writers share. A character comes with its writer, its line, and whether that was locked:
# four bytes in one write, which the kernel keeps together. So the reader sees who wrote what, in the order of the writes.
screen, writing_end = os.pipe()
print_lock = tasklab.Lock("print")
lock_is_on = params.lock
start = threading.Barrier(params.writers)


class Screen:
    """A file for print() that writes one character at a time."""

    def __init__(self, number):
        self.number, self.line, self.locked = number, 0, False

    def write(self, text):
        for char in text:
            os.write(writing_end, bytes([self.number, self.line, self.locked, ord(char)]))
            time.sleep(params.pause)


def writer(number):
    """Prints its lines, each with the lock if that is on when the line begins."""
    out = Screen(number)
    start.wait()
    for line in range(params.lines):
        out.line, out.locked = line, lock_is_on
        if out.locked:
            with print_lock:
                print(f"line {line + 1} of writer {number}", file=out)
        else:
            tasklab.state(f"writer-{number}", "running", on="no lock")
            print(f"line {line + 1} of writer {number}", file=out)


def show(row):
    """A line of the screen, and below it who wrote each character."""
    text = "".join(char for _, _, _, char in row[:-1])
    whose = "".join(str(number) for number, _, _, _ in row)
    print(f"{text}\n{whose}")
    tasklab.value("line", [text, whose])


def watch():
    """Reads the screen, and switches the lock, until every line is there. Gives all characters as they came."""
    global lock_is_on
    came, row, unread, finished = [], [], b"", 0
    while finished < params.writers * params.lines:
        if finished >= 2 * params.writers:  # The first lines come before anybody can switch.
            asked = tasklab.action(1.0, screen)
            word = asked and asked[1].strip()
            if word in ("on", "off", ""):
                lock_is_on = word == "on" or word == "" and not lock_is_on
                tasklab.value("lock", "on" if lock_is_on else "off")
            elif asked:
                tasklab.refuse(*asked, "it is on or off; without a target the lock is switched over")
            if not tasklab.readable(screen):
                continue
        unread += os.read(screen, 4096)
        while len(unread) >= 4:
            number, line, locked, char = unread[:4]
            unread = unread[4:]
            came.append((number, line, bool(locked), chr(char)))
            row.append(came[-1])
            if chr(char) == "\n":
                finished += 1
                show(row)
                row = []
    return came


def torn(came, locked):
    """How many of the lines that were written with (or without) the lock have another thread's characters in them, and
    how many there are. With the lock only another locked line counts: who does not ask for a lock is not kept out."""
    ends = {}
    for at, (number, line, was_locked, _) in enumerate(came):
        if was_locked == locked:
            ends.setdefault((number, line), [at, at])[1] = at
    broken = 0
    for (number, _), (first, last) in ends.items():
        broken += any(who != number and (was_locked or not locked) for who, _, was_locked, _ in came[first:last])
    return broken, len(ends)


def main():
    tasklab.started("main")
    tasklab.value("lock", "on" if lock_is_on else "off")
    threads = [tasklab.Thread(target=writer, args=(number,), name=f"writer-{number}") for number in range(1, params.writers + 1)]
    for thread in threads:
        thread.start()
    came = watch()
    for thread in threads:
        thread.join()
    tasklab.finished("main")

    told = {number: [] for number in range(1, params.writers + 1)}
    for number, _, _, char in came:
        told[number].append(char)
    meant = {number: "".join(f"line {line + 1} of writer {number}\n" for line in range(params.lines)) for number in told}
    tasklab.fact("complete", "no character is lost, only the order suffers: characters that came",
                 sum(map(len, meant.values())), len(came))
    tasklab.fact("own-order", "each writer's own characters come in their order: writers of which that is so",
                 params.writers, sum("".join(told[number]) == meant[number] for number in told))
    broken, lines = torn(came, locked=False)
    if lines > params.writers and params.pause >= 0.001:
        tasklab.fact("torn", "without the lock, other threads write in the middle of lines: torn lines", "> 0", broken, broken > 0)
    broken, lines = torn(came, locked=True)
    if lines:
        tasklab.fact("whole", "with the lock, no line is torn: torn lines", 0, broken)


if __name__ == "__main__":
    main()
