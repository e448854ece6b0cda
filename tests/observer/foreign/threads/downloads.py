# lanes: main, fetcher-1, fetcher-2, fetcher-3, progress
# things: queue jobs, lock status, event finished
"""Makes believe to download files: three threads, two places, a bar that another thread draws."""
import queue
import random
import threading
import time

FILES = {"maps.zip": 5, "tunes.ogg": 3, "film.mkv": 8, "notes.txt": 1, "sheet.pdf": 2}
jobs = queue.Queue()
places = threading.BoundedSemaphore(2)
status = threading.Lock()
finished = threading.Event()
received, errors = {}, []
chance = random.Random(7)


def download(name, blocks):
    for block in range(blocks):
        time.sleep(0.002 + chance.random() / 1000)
        with status:
            received[name] = received.get(name, 0) + 1
    if name == "notes.txt":
        raise ConnectionError(f"{name}: the other side hung up")


def fetch():
    while True:
        try:
            name, blocks = jobs.get_nowait()
        except queue.Empty:
            return
        with places:
            try:
                download(name, blocks)
            except ConnectionError as error:
                errors.append(str(error))
            finally:
                jobs.task_done()


def draw():
    while not finished.wait(0.005):
        with status:
            done = sum(received.values())
        assert 0 <= done <= sum(FILES.values())


for job in FILES.items():
    jobs.put(job)
progress = threading.Thread(target=draw, name="progress", daemon=True)
progress.start()
fetchers = [threading.Thread(target=fetch, name=f"fetcher-{n}") for n in range(1, 4)]
for fetcher in fetchers:
    fetcher.start()
jobs.join()
finished.set()
for thread in (*fetchers, progress):
    thread.join(timeout=60)
for name in FILES:
    print(f"{name:10} {'#' * received[name]}")
print(*errors, sep="\n")
