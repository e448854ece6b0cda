# lanes: main, worker-1, worker-1-2, clock, hello, doomed, quiet, keeper, careless
# once: op do=notify_all on="condition shop"; op do=notify on="condition shop"; op do=cancel on="timer doomed"
# once: op task=main do=release on="lock tool" result=RuntimeError; op task=main do=release on="lock tool" result=ok
# once: op task=main do=release on="lock own" result=RuntimeError
# ends: doomed: cancelled; hello: ok; keeper: ended with the process
# tells: task.state task=quiet state=sleeping on=sleep() at_most=0.1; task.state task=hello state=sleeping on="timer hello" at_most=0.1
# tells: task.state task=main on="event never" at_most=0.05; task.state task=main on=join() at_most=0.04
# tells: task.state task=main on="lock tool" at_most=0.03; task.state task=main on="queue belt" at_most=0.02
# never: task.started task=Thread-1; task.started task=worker-1-3; task.finished task=clock result="renamed to clock"
"""Threads that take the names of others, timers, and locks that somebody else lets go."""
import queue
import threading
import time

shop, never, belt = threading.Condition(), threading.Event(), queue.Queue()
with shop:
    shop.notify_all()
    shop.notify()
for _ in range(3):
    thread = threading.Thread(target=int, name="worker-1")
    thread.start()
    thread.join()
both = [threading.Thread(target=time.sleep, args=(0.02,), name="worker-1") for _ in range(2)]
for thread in both:
    thread.start()
for thread in both:
    thread.join()
clock = threading.Thread(target=print, args=("tick",))
clock.name = "clock"
clock.start()
clock.join()
hello = threading.Timer(0.1, print, ["hello"])
doomed = threading.Timer(60, print, ["never said"])
hello.start()
doomed.start()
doomed.cancel()
hello.join()
doomed.join()
quiet = threading.Thread(target=time.sleep, args=(0.1,), name="quiet")
quiet.start()
quiet.join(0.04)
print(never.wait(0.05))
quiet.join()
tool, own = threading.Lock(), threading.RLock()
careless = threading.Thread(target=tool.acquire, name="careless")
careless.start()
careless.join()
print(tool.acquire(timeout=0.03))
tool.release()
for lock in (tool, own):
    try:
        lock.release()
    except RuntimeError as error:
        print(error)
try:
    belt.get(timeout=0.02)
except queue.Empty:
    print("nothing")
threading.Thread(target=never.wait, daemon=True, name="keeper").start()
print([thread.name for thread in threading.enumerate()])
