# lanes: main, packer
# waits: main: queue parcels; main: queue tight
# ops: main: put queue parcels = 1; main: join queue parcels; packer: task_done queue parcels; packer: get queue parcels = 2
# ops: main: put queue tight = Full; main: put queue tight = 3; packer: get queue tight = 3; main: put queue tight = a
"""What goes into the queues of multiprocessing, and the waits for room and for the last piece of work."""
import multiprocessing
import queue


def pack(parcels, tight, gate):
    parcels.get()
    parcels.task_done()
    parcels.get()
    gate.wait()
    parcels.task_done()
    print(tight.get(), tight.get(), flush=True)


if __name__ == "__main__":
    context = multiprocessing.get_context("fork")
    parcels, tight, gate = context.JoinableQueue(), context.Queue(1), context.Event()
    parcels.put(1)
    parcels.put(2)
    tight.put(obj=3)
    try:
        tight.put(4, timeout=0.02)
    except queue.Full:
        print("full")
    packer = context.Process(target=pack, args=(parcels, tight, gate), name="packer")
    packer.start()
    gate.set()
    parcels.join()
    tight.put("a")
    packer.join()
