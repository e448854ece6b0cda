"""Three programs at the same time: a pipe leads from each one to the next."""
import signal
import subprocess
import time

capacity = 64
victim = "wc"
pause = 1.2

yes = subprocess.Popen(["yes", "pear"], stdout=subprocess.PIPE, pipesize=capacity * 1024)
tr = subprocess.Popen(["tr", "a-z", "A-Z"], stdin=yes.stdout, stdout=subprocess.PIPE, pipesize=capacity * 1024)
wc = subprocess.Popen(["wc", "-l"], stdin=tr.stdout)
# Only the programs may hold the ends of the pipes, or none of them learns that its neighbour is gone.
yes.stdout.close()
tr.stdout.close()
chosen = {"yes": yes, "tr": tr, "wc": wc}[victim]

print("all three run")
time.sleep(pause)

print("stop", victim)
chosen.send_signal(signal.SIGSTOP)
time.sleep(pause)

print("continue", victim)
chosen.send_signal(signal.SIGCONT)
time.sleep(pause)

print("kill", victim)
chosen.kill()
for program in (yes, tr, wc):
    status = program.wait()
    how = f"ended with status {status}" if status >= 0 else f"was ended by {signal.Signals(-status).name}"
    print(program.args[0], how)
