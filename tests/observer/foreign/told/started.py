# lanes: main, polite
# exit: 4
# once: process.started name=polite-2; process.started name=workers-1; process.started name=workers-2; process.started name=cat
# once: process.started name=sh argv="[\"/bin/sh\", \"-c\", \"exit 5\"]"; process.started name=echo; process.started name=env
# never: process.started name=bad; process.started name=nothing; process.exited code=255; process.started name=exit
# waits: main: wait() held by polite woken by polite; main: run() held by sh woken by sh; main: check_output() held by echo woken by echo
# waits: main: communicate() held by workers-1 woken by workers-1; main: wait() held by cat; main: call() held by sleep
# waits: main: system() held by sh; main: spawnlp() held by true woken by true; main: close() held by sh woken by sh
# ops: main: poll program polite = None; main: wait program polite = 3; main: kill program cat = ok; main: poll program cat = -9
# ops: main: wait program sleeper = TimeoutExpired; main: terminate program sleeper = ok; main: system program sh = 512
# ops: main: communicate program workers-2 = ok; main: send_signal program sleeper = ok
# ends: polite: exit 3; main: exit 4; polite: exit 1
# tells: process.exited code=5; process.exited code=6; process.exited signal=SIGTERM; task.finished task=polite-2 result=LookupError:
"""The programs that a program starts have the names of its variables, and what it does with them is told."""
import os
import signal
import subprocess
import sys
from subprocess import DEVNULL, PIPE

polite = subprocess.Popen([sys.executable, "-c", "import sys; input(); sys.exit(3)"], stdin=PIPE)
print(polite.poll())
polite.stdin.write(b"go on\n")
polite.stdin.close()
print(polite.wait())
print(subprocess.run("exit 5", shell=True).returncode, subprocess.check_output(["echo", "said"]))
print("TASKLAB_ABOVE" in subprocess.run(["env", "-i", "env"], stdout=PIPE, text=True).stdout)
try:
    subprocess.call(["sleep", "60"], timeout=0.05)
except subprocess.TimeoutExpired:
    print("it takes too long")
for nothing in ("/no/such/program", "/"):
    try:
        bad = subprocess.Popen([nothing])
    except OSError as error:
        print(error)
workers = [subprocess.Popen(["true"]) for _ in range(2)]
print([worker.communicate() for worker in workers])
with subprocess.Popen(["cat"], stdin=PIPE) as cat:
    cat.kill()
print(cat.poll())
sleeper = subprocess.Popen(["sleep", "60"])
try:
    sleeper.wait(0.05)
except subprocess.TimeoutExpired:
    sleeper.send_signal(0)
    sleeper.terminate()
print(sleeper.wait() == -signal.SIGTERM)
print(os.system("exit 2"), os.spawnlp(os.P_WAIT, "true", "true"), os.popen("exit 6").close())
both = [sys.executable, "-c", "import sys; sys.stdin.read(); sys.exit(sys.argv[1])", "text"], [sys.executable, "-c", "raise LookupError('\\nabc')"]
polite = subprocess.Popen(both[0], stdin=PIPE, stderr=DEVNULL)
other, polite = polite, subprocess.Popen(both[1], stdin=DEVNULL, stderr=DEVNULL)
print(other.communicate(), polite.wait())
sys.exit(4)
