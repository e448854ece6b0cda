"""terminate() asks a program to end; kill() has the kernel end it."""
import os
import subprocess
import sys
import tempfile
import time

cleanup = 0.6
grace = 1.0
pause = 0.8

PROGRAM = """
import os, signal, sys, time
name, file, cleanup = sys.argv[1], sys.argv[2], float(sys.argv[3])

def on_term(number, frame):
    print("heard SIGTERM", flush=True)
    if name == "polite":
        sys.exit(0)
    if name == "slow":
        time.sleep(cleanup)
        os._exit(3)

signal.signal(signal.SIGTERM, on_term)
open(file, "w").close()
try:
    print("ready", flush=True)
    while True:
        time.sleep(60)
finally:
    os.remove(file)
    print("ran finally", flush=True)
"""

folder = tempfile.TemporaryDirectory()

def command(name):
    return [sys.executable, "-c", PROGRAM, name, f"{folder.name}/{name}", str(cleanup)]

polite = subprocess.Popen(command("polite"), stdout=subprocess.PIPE, text=True)
slow = subprocess.Popen(command("slow"), stdout=subprocess.PIPE, text=True)
deaf = subprocess.Popen(command("deaf"), stdout=subprocess.PIPE, text=True)
for program in polite, slow, deaf:
    program.stdout.readline()
print("all three are ready")

for name, program in ("polite", polite), ("slow", slow), ("deaf", deaf):
    time.sleep(pause)
    print("terminate", name)
    asked = time.monotonic()
    program.terminate()
    try:
        program.wait(timeout=grace)
    except subprocess.TimeoutExpired:
        print("kill", name)
        program.kill()
    status = program.wait()
    lived = time.monotonic() - asked
    said = ", ".join(program.stdout.read().splitlines())
    is_there = os.path.exists(f"{folder.name}/{name}")
    print(f"{name}: {said}; status {status} after {lived:.3f} s; file is there: {is_there}")
