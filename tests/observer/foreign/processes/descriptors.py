# lanes: main, child-1, writer
"""Numbers of descriptors: the lowest free ones, all of them used, and numbers put in the place of others."""
import errno
import os
import resource
import subprocess
import sys
import threading

print(os.pipe(), os.open(os.devnull, os.O_RDONLY), flush=True)
os.closerange(3, 10)
soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (24, hard))
kept = []
try:
    while True:
        kept.append(os.open(os.devnull, os.O_RDONLY))
except OSError as error:
    print(errno.errorcode[error.errno], len(kept), kept[-1])
lock = threading.Lock()
thread = threading.Thread(target=lambda: lock.acquire(), name="writer")
thread.start()
thread.join()
print("a thread needs none:", lock.locked())
os.closerange(kept[0], 24)
resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
reading, writing = os.pipe()
for number in range(5, 12):
    os.dup2(writing, number)
os.write(9, b"through nine")
for number in (writing, *range(5, 12)):
    os.close(number)
print(os.read(reading, 100), os.read(reading, 100), flush=True)
saved = os.dup(1)
log = os.open("log.txt", os.O_RDWR | os.O_CREAT)
os.dup2(log, 1)
print("into the file", flush=True)
subprocess.run(["echo", "its program, too"])
os.dup2(saved, 1)
print(os.pread(log, 100, 0), flush=True)
if os.fork() == 0:
    for number in range(3, 64):
        try:
            os.close(number)
        except OSError:
            pass
    thread = threading.Thread(target=print, args=("the child has closed all",), name="writer")
    thread.start()
    thread.join()
    sys.exit(0)
print(os.wait()[1], reading, saved, log)
