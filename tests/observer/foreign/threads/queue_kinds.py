# lanes: main, sorter
# things: queue stack, queue ward, queue slot, queue plain
# waits: sorter: queue slot
# ops: sorter: get queue slot = Empty; main: put queue stack = Full; main: put queue plain; main: get queue ward
"""The four kinds of queues, their errors, and their counts."""
import queue
import threading
from queue import Empty, Full

stack = queue.LifoQueue(maxsize=3)
ward = queue.PriorityQueue()
slot = queue.SimpleQueue()
plain = queue.Queue()

for number in range(3):
    stack.put(number)
try:
    stack.put("one too many", block=False)
except Full:
    print("full", stack.full(), stack.qsize(), stack.maxsize)
print([stack.get() for _ in range(3)])

for urgency, patient in ((3, "cough"), (1, "burn"), (2, "ankle")):
    ward.put((urgency, patient))
print([ward.get()[1] for _ in range(3)], ward.empty())


def sort_letters():
    try:
        slot.get(timeout=0.05)
    except Empty as error:
        print("sorter:", type(error).__module__, type(error).__qualname__)
    for call in (slot.get_nowait, stack.get_nowait, lambda: ward.get(False)):
        try:
            call()
        except Empty:
            print("empty")


sorter = threading.Thread(target=sort_letters, name="sorter")
sorter.start()
sorter.join()
slot.put("letter")
print(slot.get(), slot.qsize())

for number in range(2):
    plain.put_nowait(number)
while not plain.empty():
    plain.get()
    plain.task_done()
plain.join()
try:
    plain.task_done()
except ValueError as error:
    print(error, plain.unfinished_tasks)
try:
    plain.get(timeout=-1)
except ValueError as error:
    print(error)
with plain.mutex:
    print(list(plain.queue), isinstance(stack, queue.Queue))
