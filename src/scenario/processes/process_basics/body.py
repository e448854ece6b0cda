"""Programs, processes, families: one program runs in several processes at the same time."""
import multiprocessing
import os
import time

copies = 3
folder = "/tmp"
greeting = "hello"
life = 5.0
pause = 1.5

fork = multiprocessing.get_context("fork")


def copy(name):
    print(f"{name}: process {os.getpid()}, child of {os.getppid()}", flush=True)
    print(f"{name}: {os.environ['GREETING']} from {os.getcwd()}", flush=True)
    time.sleep(life)


os.chdir(folder)
os.environ["GREETING"] = greeting
names = [f"copy-{number}" for number in range(1, copies + 1)]
family = [fork.Process(target=copy, args=(name,), name=name) for name in names]
for process in family:
    process.start()
    time.sleep(1 / copies)

print(f"parent {os.getpid()}, child of {os.getppid()}: my copies are in the background")
time.sleep(pause)

family[1].kill()
print("copy-2 gets SIGKILL; I wait for the others in the foreground")
for process in family:
    process.join()
    print(f"{process.name} left with {process.exitcode}")
