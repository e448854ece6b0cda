# lanes: main, worker
# things: queue tasks, event start, condition room
"""Hands all kinds of things of multiprocessing to a process that begins anew."""
import multiprocessing
import queue


def work(things):
    lock, rlock, start, tasks, done, letters, room, places, gate, number, numbers, end = things
    start.wait()
    with lock, rlock, places:
        number.value += tasks.get()
        tasks.task_done()
        numbers[1] = 0.5
    with room:
        room.notify()
    done.put(multiprocessing.current_process().name)
    letters.put(end.recv())
    gate.wait()


if __name__ == "__main__":
    context = multiprocessing.get_context("spawn")
    lock, rlock, start = context.Lock(), context.RLock(), context.Event()
    tasks, done, letters = context.JoinableQueue(), context.Queue(1), context.SimpleQueue()
    room, places, gate = context.Condition(), context.BoundedSemaphore(2), context.Barrier(2)
    number, numbers = context.Value("i", 40), context.Array("d", 2)
    ours, theirs = context.Pipe(duplex=False)
    things = (lock, rlock, start, tasks, done, letters, room, places, gate, number, numbers, ours)
    process = context.Process(target=work, args=(things,), name="worker")
    process.start()
    tasks.put(2)
    theirs.send({"sent": "by a pipe"})
    with room:
        start.set()
        room.wait()
    tasks.join()
    print(done.get(), letters.get(), number.value, numbers[:], start.is_set())
    gate.wait()
    process.join()
    print(process.exitcode, gate.broken, tasks.empty())
    try:
        done.get(timeout=0.01)
    except queue.Empty as error:
        print(repr(error))
