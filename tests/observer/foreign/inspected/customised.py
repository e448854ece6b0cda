# lanes: main, worker
# pythonpath: own_site
"""A machine with a start of its own for each Python, also for those that the program starts."""
import subprocess
import sys
import threading

worker = threading.Thread(target=print, args=(sys.custom_start,), name="worker")
worker.start()
worker.join()
import sitecustomize  # noqa: E402

print(sitecustomize.__doc__, [entry.rpartition("/")[2] for entry in sys.path if entry.endswith("own_site")])
child = subprocess.run([sys.executable, "-c", "import sys; print(sys.custom_start)"], capture_output=True, text=True)
print(child.stdout, child.stderr)
