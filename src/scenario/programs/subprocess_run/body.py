"""Running a program and waiting for it: what comes back, what does not, and what a shell adds.

    result = subprocess.run(["ls", "-l"])                          # its output goes where ours goes
    result = subprocess.run(["ls", "-l"], stdout=subprocess.PIPE)  # its output is result.stdout, as bytes
"""

import json
import os
import platform
import subprocess
import sys
import tempfile
import time

import tasklab

params = tasklab.params(
    way="both",
    calls=200,
    word="café",
    text=False,
    status=3,
    files=3,
    pause=0.2,
    patience=20.0,
)
tasklab.actions("print TEXT", "done")

PATIENCE = 8  # seconds; only a program that somebody has stopped takes so long
PASTED = "hello; echo injected"
is_done = False  # whether somebody has said that nothing more is to be printed
printed = []  # (text, what was printed) of each text that was given as a word of a list


def call(command, **options):
    """subprocess.run(), which does not wait for ever."""
    try:
        return subprocess.run(command, timeout=PATIENCE, **options)
    except subprocess.TimeoutExpired:  # run() has killed it by now
        return subprocess.CompletedProcess(command, None)


def run(command, **options):
    """The same, and then time to look."""
    tasklab.state("main", "waiting", on="run()", held_by=command if isinstance(command, str) else command[0])
    result = call(command, **options)
    tell(command, result.returncode, result.stdout)
    rest()
    return result


def tell(command, code, output):
    """What was run, and what came of it."""
    print(f"{command!r} exited {code}, stdout {output!r}")


def only_calls():
    """The same small program, called again and again: by a list, or by a line for the shell, which makes two processes."""
    tasklab.state("main", "waiting", on="run(), again and again")
    began, made, good = time.monotonic(), 0, 0
    while made < params.calls:
        if params.way == "shell":
            result = call("cat /dev/null; exit 0", shell=True, stdout=subprocess.PIPE)
        else:
            result = call(["cat", "/dev/null"], stdout=subprocess.PIPE)
        made += 1
        good += result.returncode == 0
        if asked := tasklab.action(0):
            if asked[0] == "done":
                break
            tasklab.refuse(*asked, "only calls are made here; texts are printed where way is both")
    tasklab.finished("main")
    print(f"{tasklab.counted(made, 'call', 'calls')} took {time.monotonic() - began:.2f} s")
    tasklab.fact("calls", "every call comes back with status 0: calls", made, good)


def look_and_run(command, wanted, **options):
    """Starts a program that waits for its input, looks which processes there are, and lets it end. A shell needs a
    moment until its child is there, and another one until that has become the program."""
    program = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, **options)
    tasklab.process_started(program.pid, "sh" if options.get("shell") else command[0],
                            argv=["sh", "-c", command] if options.get("shell") else command)
    deadline = time.monotonic() + PATIENCE
    names = below(program.pid)
    while names != wanted and time.monotonic() < deadline:
        asked = tasklab.action(0.01)
        if asked:
            act(*asked)
        names = below(program.pid)
    rest()
    try:
        output, _ = program.communicate(timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        # Whoever is below it may hold the pipe open, so that nothing is read to its end.
        program.kill()
        program.wait()
        output = ""
    tasklab.process_exited(program.pid, program.returncode)
    tasklab.process_reaped(program.pid)
    tell(command, program.returncode, output)
    return names, output


def below(pid):
    """The names of a process and of those below it, one below the other."""
    names = []
    while pid:
        names.append(stat(pid)[0])
        pid = next((int(entry) for entry in os.listdir("/proc") if entry.isdigit() and stat(entry)[1] == pid), None)
    return names


def stat(pid):
    """Name and parent of a process, as /proc has them."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            name, _, fields = file.read().partition("(")[2].rpartition(")")
            return name, int(fields.split()[1])
    except OSError:
        return None, None


def rest():
    tasklab.state("main", "running")
    deadline = time.monotonic() + params.pause
    while True:
        asked = tasklab.action(max(0, deadline - time.monotonic()))
        if asked:
            act(*asked)
        elif time.monotonic() >= deadline:
            return


def act(do, target):
    global is_done
    if do == "done":
        is_done = True
    elif "\0" in target:
        tasklab.refuse(do, target, "no word of a program can have a NUL in it")
    else:
        print_as_a_word(target)


def print_as_a_word(text):
    """A text as one word of a list: whatever signs it has, nobody obeys them."""
    result = call(["printf", "%s", text], stdout=subprocess.PIPE)
    tell(["printf", "%s", text], result.returncode, result.stdout)
    printed.append((text.encode(), result.stdout))


def main():
    tasklab.started("main")
    if params.way != "both":
        return only_calls()
    with tempfile.TemporaryDirectory(prefix="tasklab-") as folder:
        for number in range(1, params.files + 1):
            with open(f"{folder}/lesson-{number}.py", "w") as file:
                file.write("print('hello')\n")
        lesson(folder)


def lesson(folder):
    # Nothing is captured: what this prints, you read among the lesson's own lines. Only where it goes comes back.
    line = "echo 'this line goes where the output of the lesson goes'; there=$(readlink /proc/$$/fd/1); echo $there >&2"
    uncaptured = run(["sh", "-c", line], stderr=subprocess.PIPE)

    captured = run(["printf", "%s", params.word], stdout=subprocess.PIPE, text=params.text, encoding="utf-8" if params.text else None)
    tasklab.value("result.stdout", json.dumps(captured.stdout, ensure_ascii=False) if params.text else repr(captured.stdout))

    exited = run(["sh", "-c", "exit $0", str(params.status)])

    without_shell = run(["echo", "*.py"], stdout=subprocess.PIPE, text=True, cwd=folder)
    rows, _ = look_and_run(["cat"], ["cat"])
    rows_with_shell, expanded = look_and_run("cat; echo *.py", ["sh", "cat"], shell=True, cwd=folder)

    print_as_a_word(PASTED)
    pasted = run(f"echo {PASTED}", shell=True, stdout=subprocess.PIPE, text=True)

    tasklab.value("the program that runs this lesson", sys.executable)
    version = run([sys.executable, "--version"], stdout=subprocess.PIPE, text=True)
    tasklab.state("main", "waiting", on="you: a text to print, or the end")
    while not is_done and (asked := tasklab.action(params.patience)):
        act(*asked)
    tasklab.finished("main")

    tasklab.fact("no-capture", "without stdout=PIPE nothing is captured: result.stdout is", "None", str(uncaptured.stdout))
    tasklab.fact("terminal", "the program's output went where ours goes",
                 os.readlink("/proc/self/fd/1"), (uncaptured.stderr or b"").decode().rstrip())
    tasklab.fact("length", "with stdout=PIPE all of it comes back: so many bytes, or characters with text=True",
                 len(params.word if params.text else params.word.encode()), len(captured.stdout or ""))
    tasklab.fact("returncode", "returncode is what the program has exited with", params.status, exited.returncode)
    tasklab.fact("no-shell", "without a shell nobody expands *.py", "*.py", (without_shell.stdout or "").rstrip())
    tasklab.fact("shell", "with a shell the program gets the names of the files instead: names", params.files, len(expanded.split()))
    tasklab.fact("row", "without a shell one process is started, the program", ["cat"], rows)
    tasklab.fact("sh-row", "with a shell there are two, the shell and below it the program", ["sh", "cat"], rows_with_shell)
    tasklab.fact("intact", "as a word of a list a text stays what it is, ; and * as well: texts that did",
                 len(printed), sum(given == came for given, came in printed))
    tasklab.fact("injected", "pasted into a line for the shell, what stands behind the ; is run: lines that were printed",
                 ["hello", "injected"], (pasted.stdout or "").splitlines())
    tasklab.fact("executable", "started by its path, the program that runs this lesson names itself",
                 f"Python {platform.python_version()}", (version.stdout or "").rstrip())


if __name__ == "__main__":
    main()
