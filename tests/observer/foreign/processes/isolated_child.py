# lanes: main
# notices: may come
"""Starts Pythons that look at no variable of the environment, or do not load the module site."""
import os
import subprocess
import sys

CODE = """
import sys, threading
lock = threading.Lock()
with lock:
    thread = threading.Thread(target=print, args=('in a thread', lock.locked()))
    thread.start()
    thread.join()
print(sys.flags.isolated, sys.flags.no_site, 'site' in sys.modules)
"""
for options in (["-I"], ["-E"], ["-S"], ["-I", "-S"], ["-s"], ["-P"]):
    print(options, flush=True)
    subprocess.run([sys.executable, *options, "-c", CODE], check=True)
print(subprocess.run([sys.executable, "-c", CODE], env={}, capture_output=True, text=True).stdout)
print(subprocess.run([sys.executable, "-c", "import os; print(sorted(os.environ))"], env={"LC_ALL": "C", "HOME": "/"}).returncode)
kept = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME")}
os.environ.clear()
os.environ.update(kept)
print(subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True).stdout)
