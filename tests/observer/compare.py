"""Runs programs that know nothing of Task Lab with the observer and without it, and compares: standard output, standard error and exit
status are equal byte for byte, and the event lines tell what the program's first comment lines say (see expected.py).

    python3 tests/observer/compare.py [--python PYTHON] [--observer FOLDER | --tasklab TASKLAB] [--plain TIMES] [PROGRAM or FOLDER …]

With --tasklab the observed run is that of `tasklab exec --json`; else Python gets the observer by its environment alone. --plain runs each
program that often without the observer, and compares these runs with one another. A line a program; differences and event lines of
those that fail; exit status 1 if one fails.
"""

import argparse
import base64
import concurrent.futures
import contextlib
import difflib
import json
import os
import pathlib
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass

import expected

HERE = pathlib.Path(__file__).resolve().parent
ASSETS = HERE.parent.parent / "assets" / "python"
HANG = 120.0  # seconds that no program takes, however slow the machine is
DRAIN = 10.0  # seconds after its end in which a program's processes close their event lines


@dataclass
class Ran:
    """How a program ended, what it wrote, and what was told of it."""
    status: int  # 128 + n if signal n ended it
    stdout: bytes
    stderr: bytes
    events: list = ()

    def said(self):
        return {"exit status": str(self.status).encode(), "stdout": self.stdout, "stderr": self.stderr}


class Hangs(Exception):
    """A program that did not end."""


def environment(path, **more):
    """Ours without the settings of Python, and without what an enclosing run of Task Lab has put there."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "TASKLAB_"))}
    if path:
        kept["PYTHONPATH"] = os.pathsep.join(path)
    return {**kept, "PYTHONDONTWRITEBYTECODE": "1", **more}


def run(command, given, env, folder, fds=()):
    """Runs a command in an empty folder; its status and output."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env, cwd=folder,
                          pass_fds=fds, process_group=0) as process:
        for fd in fds:
            os.close(fd)
        try:
            stdout, stderr = process.communicate(given, timeout=HANG)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            stdout, stderr = process.communicate()
            texts = b"".join((stdout, stderr)).decode(errors="backslashreplace")
            raise Hangs(f"hangs after {HANG:.0f} s; it wrote:\n{texts}") from None
    status = process.returncode
    return Ran(status if status >= 0 else 128 - status, stdout, stderr)


class Runner:
    """The ways to run programs with one Python."""

    def __init__(self, python, observer, tasklab, folder):
        self.python, self.observer, self.tasklab, self.folder = python, observer, tasklab, folder

    def _command(self, program, wanted):
        forms = {"file": [str(program)], "module": ["-m", program.stem], "text": ["-c", program.read_text()], "input": ["-"]}
        return [self.python, *wanted.options, *forms[wanted.form], *wanted.argv]

    def _input(self, program, wanted):
        return program.read_bytes() if wanted.form == "input" else wanted.stdin

    def _path(self, program, wanted):
        """The program's own PYTHONPATH."""
        folders = [str(program.parent / folder) for folder in wanted.pythonpath]
        return folders + [str(program.parent)] * (wanted.form == "module")

    def _work(self, program):
        """The same folder with and without the observer, as programs may print it."""
        return self.folder / f"{program.parent.name}-{program.stem}"

    def plain(self, program, wanted):
        return run(self._command(program, wanted), self._input(program, wanted), environment(self._path(program, wanted)),
                   self._work(program))

    def observed(self, program, wanted):
        return self._by_tasklab(program, wanted) if self.tasklab else self._by_environment(program, wanted)

    def _by_environment(self, program, wanted):
        events = Events(self._work(program).with_suffix(".events"), wanted.acts)
        env = environment([self.observer, *self._path(program, wanted)], TASKLAB_OBSERVE="1", TASKLAB_EVENTS=str(events.writing),
                          TASKLAB_EVENTS_FILE=str(events.path), TASKLAB_CONTROL=str(events.acting),
                          TASKLAB_T0=str(time.monotonic_ns()))
        command, given = self._command(program, wanted), self._input(program, wanted)
        try:
            ran = run(command, given, env, self._work(program), (events.writing, events.acting))
        finally:
            lines = events.end()
        ran.events = [event(line) for line in lines]
        return ran

    def _by_tasklab(self, program, wanted):
        command = [self.tasklab, "exec", "--json", "--timeout", str(HANG / 2), "--", *self._command(program, wanted)]
        env = environment(self._path(program, wanted), TASKLAB_OBSERVE="1")
        said = run(command, self._input(program, wanted), env, self._work(program))
        ran = Ran(said.status, b"", b"", [event(line) for line in said.stdout.splitlines()])
        # What tasklab itself says there stands for no program's output.
        ran.events += [{"kind": "notice", "text": line.decode(errors="replace")} for line in said.stderr.splitlines()]
        for told in ran.events:
            if told["kind"] == "output":
                text = base64.b64decode(told["base64"]) if "base64" in told else told["text"].encode()
                setattr(ran, told["stream"], getattr(ran, told["stream"]) + text)
        return ran


class Events:
    """A FIFO for event lines, which is read as long as there are writers, and once more after that; and a pipe by which actions come."""

    def __init__(self, path, acts=()):
        self.path, self._acts, self._seen = path, list(acts), 0
        self.acting, self._person = os.pipe()
        os.mkfifo(path)
        self._reading = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        self.writing = os.open(path, os.O_WRONLY)
        self._text, self._is_over = bytearray(), threading.Event()
        self._thread = threading.Thread(target=self._collect, name="events")
        self._thread.start()

    def _collect(self):
        end = None
        poll = select.poll()
        poll.register(self._reading, select.POLLIN)
        while end is None or time.monotonic() < end:
            if end is None and self._is_over.is_set():
                end = time.monotonic() + DRAIN
            # Without any writer the poll returns at once, and the read gives nothing.
            has_hung_up = any(what & select.POLLHUP for _, what in poll.poll(50))
            try:
                text = os.read(self._reading, 1 << 16)
            except BlockingIOError:
                continue
            self._text += text
            self._act()
            if has_hung_up and not text:
                if end is not None:
                    return
                self._is_over.wait(0.01)

    def _act(self):
        """Does the next action for which the line has come."""
        while self._acts and (end := self._text.find(b"\n", self._seen)) >= 0:
            do, target, wanted = self._acts[0]
            told = event(bytes(self._text[self._seen : end]))
            self._seen = end + 1
            if expected.is_line(wanted, told):
                del self._acts[0]
                os.write(self._person, (json.dumps({"do": do, "target": target}) + "\n").encode())

    def end(self):
        """The lines, once the program has ended."""
        self._is_over.set()
        self._thread.join()
        os.close(self._reading)
        os.close(self._person)
        self.path.unlink()
        return bytes(self._text).splitlines()


def event(line):
    """One event line; one that is none is a notice of ours."""
    try:
        told = json.loads(line)
        if isinstance(told["kind"], str):
            return told
    except (ValueError, TypeError, KeyError):
        pass
    return {"kind": "notice", "text": f"no event line: {line!r}"}


def differences(one, other, names):
    """The differences of two runs, as text."""
    texts = []
    for (what, first), second in zip(one.said().items(), other.said().values()):
        if first != second:
            pair = [text.decode(errors="backslashreplace").splitlines() for text in (first, second)]
            diff = difflib.unified_diff(*pair, *(f"{what} {name}" for name in names), lineterm="")
            texts += diff if pair[0] != pair[1] else [f"{what} differs in the ends of lines: {first!r} {second!r}"]
    return texts


def judge(runner, program, plain_runs):
    """What is wrong with a program's runs, one line each; and the event lines."""
    wanted = expected.read(program.read_text())
    events = []
    try:
        plain = runner.plain(program, wanted)
        faults = [f"exit status without the observer: {plain.status}, not {wanted.exit}"] if plain.status != wanted.exit else []
        for _ in range(plain_runs - 1):
            faults += differences(plain, runner.plain(program, wanted), ("of one plain run", "of another plain run"))
        if not plain_runs and not (runner.tasklab and wanted.acts):  # `exec` acts at a time, and not after a line
            observed = runner.observed(program, wanted)
            events = observed.events
            faults += differences(plain, observed, ("without the observer", "with it"))
            # In the lines of `exec` the seconds that a wait may last are left out.
            faults += expected.faults(wanted, events, {"at_most"} if runner.tasklab else set())
        elif faults:
            faults += [f"stderr: {line}" for line in plain.stderr.decode(errors="backslashreplace").splitlines()]
    except Hangs as error:
        return [str(error)], events
    return faults, events


def programs(paths):
    """The programs that are named, and those in the folders that are named."""
    found = []
    for path in map(pathlib.Path, paths):
        files = sorted(path.rglob("*.py")) if path.is_dir() else [path]
        found += [file.resolve() for file in files if file == path or expected.is_program(file.read_text())]
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", default="python3", help="the Python that runs the programs")
    parser.add_argument("--observer", default=str(ASSETS), type=os.path.abspath, help="the folder that holds the observer")
    parser.add_argument("--tasklab", type=os.path.abspath, help="the program tasklab: compares with its `exec` instead")
    parser.add_argument("--plain", type=int, default=0, metavar="TIMES", help="only runs without the observer, so many")
    parser.add_argument("--jobs", type=int, default=2, help="programs that run at the same time")
    parser.add_argument("programs", nargs="*", default=[str(HERE / "foreign")])
    arguments = parser.parse_args()
    chosen = programs(arguments.programs)
    failed = 0
    with tempfile.TemporaryDirectory(prefix="tasklab-compare-") as folder:
        runner = Runner(arguments.python, arguments.observer, arguments.tasklab, pathlib.Path(folder))
        with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
            began = time.monotonic()
            judged = pool.map(lambda program: judge(runner, program, arguments.plain), chosen)
            for program, (faults, events) in zip(chosen, judged):
                name = f"{program.parent.name}/{program.name}"
                print(f"{'FAILED' if faults else 'ok'} {name}", flush=True)
                failed += bool(faults)
                for line in faults:
                    print(f"    {line}")
                if faults:
                    for told in events:
                        print(f"    | {json.dumps(told)}")
    print(f"{len(chosen) - failed} passed, {failed} failed; {time.monotonic() - began:.0f} s")
    return 1 if failed or not chosen else 0


if __name__ == "__main__":
    sys.exit(main())
