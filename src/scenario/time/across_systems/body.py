"""Workers, here or on other machines, fetch tasks from a queue over the network."""
import os
import queue
import subprocess
import sys
import threading
from multiprocessing.managers import BaseManager

hosts = ""
local = 2
tasks = 8
size = 10
losses = 1
give_up = 1.5

WORKER = """
from multiprocessing import current_process
from multiprocessing.managers import BaseManager

current_process().name = {name!r}
BaseManager.register("todo")
BaseManager.register("answers")
manager = BaseManager(address=("127.0.0.1", {port}), authkey={key!r})
manager.connect()
todo, answers = manager.todo(), manager.answers()
while True:
    task = todo.get()
    answers.put(({name!r}, "has taken", task, 0))
    numbers = range(1_000_000 + task * {size} * 1000, 1_000_000 + (task + 1) * {size} * 1000)
    primes = sum(all(n % d for d in range(2, int(n ** 0.5) + 1)) for n in numbers)
    answers.put(({name!r}, "has done", task, primes))
"""

todo, answers = queue.Queue(), queue.Queue()
BaseManager.register("todo", callable=lambda: todo)
BaseManager.register("answers", callable=lambda: answers)
key = os.urandom(16)
manager = BaseManager(address=("127.0.0.1", 0), authkey=key).get_server()
threading.Thread(target=manager.serve_forever, name="manager", daemon=True).start()
port = manager.address[1]

workers = {}
def start(host):
    name = f"worker-{len(workers) + 1}"
    command = [sys.executable, "-"]
    if host:  # ssh lends our port to the other machine.
        command = ["ssh", "-o", "BatchMode=yes", "-R", f"{port}:127.0.0.1:{port}", "--", host, "python3", "-"]
    workers[name] = subprocess.Popen(command, stdin=subprocess.PIPE, text=True)
    print(WORKER.format(name=name, port=port, key=key, size=size), file=workers[name].stdin)
    workers[name].stdin.close()

for host in [""] * local + hosts.split():
    start(host)
missing = set(range(1, tasks + 1))
for task in missing:
    todo.put(task)
found = {}
while missing:
    try:
        name, what, task, primes = answers.get(timeout=give_up)
    except queue.Empty:
        print("no answer, again:", *missing)
        for task in missing:
            todo.put(task)
        if all(worker.poll() is not None for worker in workers.values()):
            start("")
        continue
    print(name, what, task)
    if what == "has done":
        missing.discard(task)
        found[task] = primes
    elif losses > 0 and task > 1:
        losses -= 1
        print("we lose", name)
        workers[name].kill()

print("primes:", sum(found.values()))
for worker in workers.values():
    worker.kill()
    worker.wait()
