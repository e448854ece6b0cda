# lanes: main
"""The old ways to run programs; the environment; the working folder."""
import os
import shutil
import sys

print("status", os.waitstatus_to_exitcode(os.system("echo from the shell; exit 4")), flush=True)
with os.popen("echo one; echo two") as pipe:
    print(pipe.readlines())
pipe = os.popen("cat > /dev/null; exit 3", "w")
pipe.write("text")
print(pipe.close())
print(os.spawnlp(os.P_WAIT, "sh", "sh", "-c", "exit 6"))
pid = os.spawnvp(os.P_NOWAIT, "sh", ["sh", "-c", "exit 7"])
print(os.waitpid(pid, 0)[0] == pid)
pid = os.posix_spawnp("sh", ["sh", "-c", "echo $COLOUR; exit 8"], {**os.environ, "COLOUR": "blue"})
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
os.environ["COLOUR"] = "green"
print(os.popen("echo $COLOUR").read().strip(), os.getenv("COLOUR"), os.environ.pop("COLOUR"), os.getenv("COLOUR", "none"))
os.makedirs("deep/down")
os.chdir("deep")
print(os.listdir(), os.path.basename(os.getcwd()), os.popen("ls").read().split())
print(sys.argv == [__file__] or os.path.isabs(sys.argv[0]), sys.stdin.isatty(), sys.stdout.isatty(), repr(sys.stdin.read()))
shutil.rmtree("down")
print(os.popen("false").close(), os.path.exists("down"))
try:
    os.execvp("/no/such/program", ["none"])
except FileNotFoundError as error:
    print(error.strerror)
