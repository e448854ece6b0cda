"""One lock for all: who waits for it, who asks without waiting, and who never gives it back."""

import threading
import time

workers = 4
rounds = 3
section = 0.25
outside = 0.3
pause = 3.0

score = 0
tool = threading.Lock()
diary = threading.RLock()


def saw():
    for _ in range(rounds):
        time.sleep(outside)
        tool.acquire()
        time.sleep(section)
        tool.release()


def drill():
    for _ in range(rounds):
        time.sleep(outside)
        with tool:
            time.sleep(section)


def pass_by():
    for _ in range(8):
        if tool.acquire(blocking=False):
            print("passer-by: free")
            tool.release()
        else:
            print("passer-by: taken")
        time.sleep(0.25)


def add_score():
    tool.acquire()
    score = score + 1  # UnboundLocalError: the line `global score` is missing
    tool.release()


def release_diary():
    try:
        diary.release()
    except RuntimeError as error:
        print(f"stranger got: {error}")


threads = [threading.Thread(target=saw if n % 2 else drill, name=f"worker-{n}") for n in range(1, workers + 1)]
threads.append(threading.Thread(target=pass_by, name="passer-by"))
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()

careless = threading.Thread(target=add_score, name="careless")
careless.start()
careless.join()
print("main wants the tool")
if not tool.acquire(timeout=pause):
    print("main releases it")
tool.release()

with diary:
    with diary:
        print("main: diary, twice")
        stranger = threading.Thread(target=release_diary, name="stranger")
        stranger.start()
        stranger.join()
        time.sleep(0.5)
