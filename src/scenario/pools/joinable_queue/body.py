"""Workers take items from a queue, and report each one that is done."""

import multiprocessing
import time

workers = 3
items = 9
work = 0.6
held = 1
pause = 3.0

late = range(items - held + 1, items + 1)


def worker(todo, report):
    while True:
        item = todo.get()
        time.sleep(work)
        if item in late:
            print(f"item {item} is not reported")
            report.wait(pause)
        print(f"item {item} is done")
        todo.task_done()


if __name__ == "__main__":
    todo = multiprocessing.JoinableQueue()
    report = multiprocessing.Event()
    for number in range(1, workers + 1):
        multiprocessing.Process(target=worker, args=(todo, report), name=f"worker-{number}", daemon=True).start()
    for item in range(1, items + 1):
        todo.put(item)
    print(f"{items} items are put")
    todo.join()
    print("join is over")
    try:
        todo.task_done()
    except ValueError as error:
        print(f"task_done again: {error}")
