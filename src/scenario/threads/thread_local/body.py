"""Thread-local data: the same name, and a box for each thread; beside it one global box that all share."""

import queue
import threading
import time

import tasklab

params = tasklab.params(
    threads=3,
    reads=2000,
    patience=20.0,
)
tasklab.actions("edit [BOX[=NUMBER]]", "finish")

mine = threading.local()  # mine.x is another x in each thread.
x = 0  # This one is the same for all.
TABLE = list(range(100))  # Everybody reads it, nobody writes.

names = [f"th-{number}" for number in range(1, params.threads + 1)]
orders = {name: queue.Queue() for name in names}
answers = queue.Queue()
all_are_here = threading.Barrier(params.threads)
reading = {"now": 0, "most": 0, "differ": 0}
reading_lock = threading.Lock()


def work(name, number):
    """Fills both boxes, reads the table with the others, and then does what main asks for."""
    global x
    mine.x = x = 10 * number
    tasklab.value(f"mine.x of {name}", mine.x)
    all_are_here.wait()
    read_together(name)
    while True:
        tasklab.state(name, "waiting", on="orders")
        order = orders[name].get()
        tasklab.state(name, "running")
        if order == "end":
            break
        if order != "look":
            mine.x = order
            tasklab.value(f"mine.x of {name}", mine.x)
        answers.put((name, mine.x, x))


def read_together(name):
    """All read at the same time: each begins, waits until all have begun, and reads."""
    tasklab.state(name, "running", on="reading the table")
    with reading_lock:
        reading["now"] += 1
        reading["most"] = max(reading["most"], reading["now"])
    all_are_here.wait()
    differ = sum(sum(TABLE) != 4950 for _ in range(params.reads))
    with reading_lock:
        reading["now"] -= 1
        reading["differ"] += differ


def look():
    """What each thread finds in its own box and in the global one, asked from the threads themselves."""
    for name in names:
        orders[name].put("look")
    found = sorted((answers.get() for _ in names), key=lambda answer: names.index(answer[0]))
    return [private for _, private, _ in found], [shared for _, _, shared in found]


def edit(target, boxes):
    """Puts a number into the box that is named, or one more than before. Gives the boxes as they should be now; a
    ValueError says why it cannot."""
    global x
    name, equals, number = target.partition("=")
    name = name.strip() or names[0]
    try:
        number = int(number) if equals else None
    except ValueError:
        number = 10**10
    if number is not None and abs(number) > 10**9:
        raise ValueError("a box holds a whole number, as in th-1=50 or global=7")
    if name == "global":
        x = x + 1 if number is None else number
        tasklab.value("the global x", x)
        return boxes
    if name not in names:
        raise ValueError(tasklab.unknown("box", name, [*names, "global"]))
    at = names.index(name)
    number = boxes[at] + 1 if number is None else number
    orders[name].put(number)
    answers.get()
    return [*boxes[:at], number, *boxes[at + 1:]]


def main():
    tasklab.started("main")
    threads = [tasklab.Thread(target=work, args=(name, number), name=name) for number, name in enumerate(names, start=1)]
    for thread in threads:
        thread.start()
    private, shared = look()
    expected = [10 * number for number in range(1, params.threads + 1)]
    tasklab.value("the global x", x)

    edits, others_changed = 0, 0
    deadline = time.monotonic() + params.patience
    while time.monotonic() < deadline:
        tasklab.state("main", "waiting", on="you")
        asked = tasklab.action(deadline - time.monotonic())
        tasklab.state("main", "running")
        if asked and asked[0] == "finish":
            break
        if asked:
            try:
                boxes = edit(asked[1], expected)
            except ValueError as why:
                tasklab.refuse(*asked, why)
                continue
            edits += 1
            before, (private, shared) = private, look()
            others_changed += sum(was != now for was, now, old, new in zip(before, private, expected, boxes) if old == new)
            expected = boxes
            print(f"edit {asked[1]}: private boxes {private}, the global one {shared[0]}")
    for name in names:
        orders[name].put("end")
    for thread in threads:
        thread.join()
    tasklab.finished("main")

    in_main = str(mine.x) if hasattr(mine, "x") else "nothing"
    print(f"private boxes {private}, the global one {shared[0]}, main's own box: {in_main}")
    tasklab.fact("private", "each thread finds in its own box what was put there for it", expected, private)
    tasklab.fact("main-empty", "main has put nothing into its own box, and finds there", "nothing", in_main)
    tasklab.fact("global", "the global box is one: every thread reads what was written last",
                 [x] * params.threads, shared)
    tasklab.fact("readers", "reading together is harmless: threads that read the same table at the same time", params.threads, reading["most"])
    tasklab.fact("steady", "and all of them found the same: reads that differed", 0, reading["differ"])
    if edits:
        tasklab.fact("others", "private boxes that changed when another one was edited", 0, others_changed)


if __name__ == "__main__":
    main()
