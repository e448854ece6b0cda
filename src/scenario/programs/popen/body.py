"""Popen starts a program and returns at once; its arguments say how the program lives."""
import os
import subprocess
import tempfile
import time

status = 7
colour = "teal"
nice = 5
lines = 3
pause = 0.6

# Popen returns at once, poll() looks, wait() waits.
runner = subprocess.Popen(f"sleep 4.5; exit {status}", shell=True)
print("poll", runner.poll())
time.sleep(pause)

# The program's name, its file, its three streams, its folder, its variables, its session, its niceness.
SCRIPT = """
echo "name $0"
echo "folder $PWD"
echo "colour $COLOUR"
echo "niceness $(nice)"
cat nothing
read word || echo "nothing to read"
sleep 0.8
"""
folder = tempfile.TemporaryDirectory()
with open(f"{folder.name}/diary", "w+") as diary:
    guest = subprocess.Popen(
        ["somebody-else", "-c", SCRIPT],
        executable="/bin/sh",
        stdin=subprocess.DEVNULL,
        stdout=diary,
        stderr=subprocess.STDOUT,
        cwd=folder.name,
        env={**os.environ, "COLOUR": colour},
        start_new_session=True,
        preexec_fn=lambda: os.nice(nice),
    )
    guest.wait()
    diary.seek(0)
    print(diary.read() + "niceness here", os.nice(0))
folder.cleanup()
time.sleep(pause)

for size in 0, -1:
    print("bufsize", size)
    cat = subprocess.Popen(["cat"], stdin=subprocess.PIPE, bufsize=size)
    for number in range(1, lines + 1):
        cat.stdin.write(f"line {number}\n".encode())
        time.sleep(1 / lines)
    print("close")
    cat.communicate()

# Python closes a new file for other programs; this one is to be inherited.
memo = tempfile.TemporaryFile()
os.set_inheritable(memo.fileno(), True)
for close in True, False:
    test = subprocess.Popen(["test", "-e", f"/dev/fd/{memo.fileno()}"], close_fds=close)
    print(f"close_fds={close}: finds our file:", test.wait() == 0)

for text in False, True:
    printf = subprocess.Popen(["printf", r"one\r\ntwo\n"], stdout=subprocess.PIPE, text=text)
    output, _ = printf.communicate()
    print(f"text={text}: {output!r}")

try:
    subprocess.Popen(["true"], creationflags=1)
except ValueError as error:
    print(error)

print("wait", runner.wait())
print("poll", runner.poll())
