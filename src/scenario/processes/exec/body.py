"""Exec: the process stays, and another program runs in it."""
import os
import time

program = "sort"
pause = 1.5

reader, writer = os.pipe()


def child(command):
    print(f"process {os.getpid()} runs Python, and calls exec of {command}", flush=True)
    time.sleep(pause)
    os.dup2(reader, 0)
    try:
        os.execlp(command, command)
    except OSError as error:
        print(f"process {os.getpid()} came back: {error.strerror}", flush=True)
        os._exit(127)


for command in program, "no-such-program":
    if os.fork() == 0:
        child(command)
    time.sleep(pause)

time.sleep(pause)
os.write(writer, b"plum\napple\npear\n")
os.close(writer)

for _ in range(2):
    pid, status = os.wait()
    print(f"process {pid} has left with {os.waitstatus_to_exitcode(status)}")
