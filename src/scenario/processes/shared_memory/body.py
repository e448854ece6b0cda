"""Private and shared memory: a child process and a thread change the same two numbers."""
import multiprocessing
import threading
import time

start = 1
step = 10
pause = 1.5

fork = multiprocessing.get_context("fork")
x = start
shared = fork.Value("i", start)


def tell(who):
    print(f"{who}: x is {x}, shared is {shared.value}", flush=True)


def change(who, stay):
    global x
    x += step
    with shared:
        shared.value += step
    tell(who)
    time.sleep(stay)
    tell(f"{who} at its end")


child = fork.Process(target=change, args=("child", 3 * pause), name="child-1")
thread = threading.Thread(target=change, args=("thread", pause), name="thread-1")

tell("main")
time.sleep(pause)

child.start()
time.sleep(pause)
tell("main after child")

thread.start()
time.sleep(pause / 2)
tell("main after thread")

thread.join()
child.join()
