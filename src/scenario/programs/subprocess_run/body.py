"""Python runs other programs: what comes back, and what a shell changes."""
import subprocess
import sys
import tempfile
import time

files = 3
guest = "Mia; echo Boo"
status = 3
text = False
pause = 0.5

folder = tempfile.TemporaryDirectory()
for number in range(1, files + 1):
    subprocess.run(["touch", f"lesson-{number}.py"], cwd=folder.name)

result = subprocess.run(["ls", "-l"], cwd=folder.name)
print("ls gave back", result.stdout)

result = subprocess.run(["printf", "café"], stdout=subprocess.PIPE, text=text)
print(f"printf gave back {result.stdout!r}, length {len(result.stdout)}")

result = subprocess.run([sys.executable, "-c", f"exit({status})"])
print(sys.executable, "ended with status", result.returncode)
time.sleep(pause)

# A list of words, without a shell.
subprocess.run(["sleep", "0.8"])
subprocess.run(["echo", "list:", "*.py"], cwd=folder.name)
subprocess.run(["echo", "list: Hello", guest])
time.sleep(pause)

# One line, and a shell that reads it.
subprocess.run("sleep 0.8; echo shell: *.py", shell=True, cwd=folder.name)
subprocess.run(f"echo shell: Hello {guest}", shell=True, cwd=folder.name)
