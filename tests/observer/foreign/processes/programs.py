# lanes: main
"""Runs other programs in all the usual ways."""
import subprocess
from subprocess import DEVNULL, PIPE, STDOUT, CalledProcessError, Popen, TimeoutExpired

done = subprocess.run(["echo", "hello", "you"], stdout=PIPE)
print(done)
print(subprocess.run("printf '%s-' one two | tr a-z A-Z", shell=True, capture_output=True, text=True).stdout)
print(subprocess.run(["sh", "-c", "echo out; echo err >&2; exit 3"], capture_output=True, text=True))
try:
    subprocess.run(["false"], check=True)
except CalledProcessError as error:
    print(error, error.returncode)
try:
    subprocess.run(["sleep", "600"], timeout=0.05)
except TimeoutExpired as error:
    print(error.cmd, error.output, error.stderr)
for missing in (["/no/such/program"], "sort -r"):
    try:
        Popen(missing)
    except FileNotFoundError as error:
        print(error)
sorter = Popen(["sort", "-r"], stdin=PIPE, stdout=PIPE, text=True)
print(sorter.poll())
print(sorter.communicate(input="a\nc\nb\n"), sorter.returncode)
nobody = Popen(["true"], stderr=DEVNULL)
print(nobody.communicate(), nobody.wait(), nobody.poll())
first = Popen(["printf", r"3\n1\n2\n"], stdout=PIPE)
second = Popen(["sort"], stdin=first.stdout, stdout=PIPE, stderr=STDOUT)
first.stdout.close()
for line in second.stdout:
    print(line.decode().strip(), end=" ")
print(second.wait(), first.wait())
with Popen(["cat"], stdin=PIPE, stdout=PIPE, bufsize=1, text=True) as cat:
    print("one line", file=cat.stdin)
    print(cat.stdout.readline(), end="")
    cat.terminate()
print(cat.returncode)
asleep = Popen(["sleep", "600"], start_new_session=True)
try:
    asleep.wait(timeout=0.02)
except TimeoutExpired as error:
    print(error.timeout)
asleep.kill()
print(asleep.wait(), subprocess.call("exit 5", shell=True), subprocess.getstatusoutput("echo both; exit 2"))
print(subprocess.check_output(["pwd"], cwd="/usr", env={"LANG": "C"}), subprocess.list2cmdline(["a b", "c"]))
