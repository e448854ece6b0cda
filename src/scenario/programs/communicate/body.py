"""Talking to a program: line by line while it runs, or all at once with communicate()."""
import subprocess
import tempfile
import threading
import time

program = "sort"
mebibytes = 32
pause = 0.6

def listen():
    for line in talker.stdout:
        print(f"{program} says {line}", end="")

# Line by line: main writes, and a thread reads.
talker = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
listener = threading.Thread(target=listen, name="listener")
listener.start()
for word in ["pear", "apple", "fig"]:
    print("we say", word)
    print(word, file=talker.stdin, flush=True)
    time.sleep(pause)
print("we close its input")
talker.stdin.close()
listener.join()
talker.wait()

# All at once: communicate() writes, closes, reads and waits.
talker = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
answer, error = talker.communicate(input="pear\napple\nfig\n")
print(f"communicate gave {answer!r} and {error!r}")

# gzip packs a story: its input is a pipe, its output a file.
folder = tempfile.TemporaryDirectory()
with open(f"{folder.name}/story.gz", "wb") as file:
    packer = subprocess.Popen(["gzip"], stdin=subprocess.PIPE, stdout=file)
    for _ in range(mebibytes):
        packer.stdin.write(b"This is one line of a very, very, very, very, very, long story.\n" * 16384)
    packer.communicate()

both = subprocess.Popen(["ls", "-l"], cwd=folder.name).communicate()
print("without a PIPE:", both)
try:
    subprocess.Popen("gzip -dc story.gz", cwd=folder.name, stdout=subprocess.PIPE)
except FileNotFoundError as missing:
    print("no program called", missing.filename)
time.sleep(pause)

longest = 0
gunzip = subprocess.Popen(["gzip", "-dc", "story.gz"], cwd=folder.name, stdout=subprocess.PIPE)
for line in gunzip.stdout:
    longest = max(longest, len(line))
gunzip.wait()
print("the longest line:", longest, "bytes")

gunzip = subprocess.Popen(["gzip", "-dc", "story.gz"], cwd=folder.name, stdout=subprocess.PIPE)
story, _ = gunzip.communicate()
print("all at once:", len(story), "bytes")
