# lanes: main
# things: barrier gate, queue belt
# waits: main: barrier gate
# ops: main: wait barrier gate = BrokenBarrierError; main: put queue belt = Full
# exit: 1
"""One exception on the way of another: a barrier, a full queue, a lock that is not held."""
import queue
import threading

gate = threading.Barrier(2)
belt = queue.Queue(1)
latch = threading.Lock()


def go_through():
    try:
        gate.wait(timeout=0.02)
    except threading.BrokenBarrierError:
        belt.put("one")
        belt.put("two", timeout=0.02)


try:
    go_through()
except queue.Full as full:
    try:
        with latch:
            latch.release()
    except RuntimeError as error:
        error.add_note("the latch was let go twice")
        raise error from full
