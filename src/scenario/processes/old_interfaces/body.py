"""The old ways to run a program, beside the new one: subprocess.run."""
import os
import subprocess

status = 10
hold = 0.6

silent = f"sleep {hold}; exit {status}"
loud = f"echo one; sleep {hold}; echo two; exit {status}"


def show(call, gave):
    print(f"{call} gave {gave}", flush=True)


show("os.system", os.system(silent))
show("run with a shell", subprocess.run(silent, shell=True).returncode)
show("run with a list", subprocess.run(["sleep", str(hold)]).returncode)

with os.popen(loud) as output:
    show("popen: first line", repr(output.readline()))
    show("popen: the others", output.readlines())

show("spawnlp, P_WAIT", os.spawnlp(os.P_WAIT, "sh", "sh", "-c", silent))
pid = os.spawnlp(os.P_NOWAIT, "sh", "sh", "-c", silent)
show("spawnlp, P_NOWAIT", pid)
show("os.waitpid", os.waitpid(pid, 0))

show("call", subprocess.call(silent, shell=True))
try:
    show("check_call", subprocess.check_call(silent, shell=True))
except subprocess.CalledProcessError as error:
    show("check_call", f"CalledProcessError {error.returncode}")

show("getoutput", repr(subprocess.getoutput(loud)))
show("getstatusoutput", subprocess.getstatusoutput(loud))
