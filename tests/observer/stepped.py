"""A program that runs with the observer, and a person who steps it."""

import contextlib
import json
import os
import pathlib
import select
import subprocess
import tempfile
import time

import compare

DEADLINE = 60.0  # seconds in which everything happens, however slow the machine is


class Program:
    """A program that runs with the observer: what it tells, and a pipe for what a person does."""

    def __init__(self, text, first=(), **environment):
        self.folder = tempfile.TemporaryDirectory(prefix="tasklab-stepping-")
        path = pathlib.Path(self.folder.name) / "program.py"
        path.write_text(text)
        self._reading, writing = os.pipe()
        acting, self.person = os.pipe()
        self.events, self._unread = [], b""
        for action in first:
            self.act(*action)
        env = compare.environment([Program.observer], TASKLAB_OBSERVE="1", TASKLAB_EVENTS=str(writing), TASKLAB_CONTROL=str(acting),
                                  TASKLAB_T0=str(time.monotonic_ns()), **environment)
        self._output = [tempfile.TemporaryFile(), tempfile.TemporaryFile()]
        self.process = subprocess.Popen([Program.python, str(path)], stdin=subprocess.DEVNULL, stdout=self._output[0],
                                        stderr=self._output[1], env=env, cwd=self.folder.name, pass_fds=(writing, acting))
        os.close(writing)
        os.close(acting)
        self._until = time.monotonic() + DEADLINE

    def act(self, do, target=""):
        os.write(self.person, (json.dumps({"do": do, "target": target}) + "\n").encode())

    def hang_up(self):
        os.close(self.person)
        self.person = None

    def next(self):
        """The next line; None at the end."""
        while b"\n" not in self._unread:
            if not select.select([self._reading], [], [], max(0, self._until - time.monotonic()))[0]:
                raise AssertionError(f"nothing comes any more; the last: {self.events[-30:]}")
            text = os.read(self._reading, 1 << 16)
            if not text:
                return None
            self._unread += text
        line, _, self._unread = self._unread.partition(b"\n")
        self.events.append(json.loads(line))
        return self.events[-1]

    def until(self, what, fits):
        """Reads until a line fits."""
        while told := self.next():
            if fits(told):
                return told
        raise AssertionError(f"it ended before {what}; the last: {self.events[-30:]}")

    def gate(self, task, what=""):
        """Waits until the task stands at a gate of this name."""
        return self.until(f"{task} at {what!r}", lambda told: at_gate(told, what) and told["task"] == task)

    def step(self, task, what=""):
        """Lets the task pass gates until it stands at this one."""
        while True:
            self.act("step", task)
            told = self.until(f"{task} at {what!r}", lambda told: at_gate(told) and told["task"] == task)
            if at_gate(told, what):
                return told

    def step_all(self):
        """Lets the one pass that has waited longest, again and again."""
        passed, asked, standing = 0, 0, []
        while told := self.next():
            if told["kind"] == "task.state":
                # At the end of the stack a task may not say that it runs, and is at its next gate.
                if told["task"] in standing:
                    standing.remove(told["task"])
                    passed += 1
                if at_gate(told):
                    standing.append(told["task"])
            if standing and asked == passed:
                self.act("step")
                asked += 1
        return self.end()

    def end(self):
        """Reads to the end. Gives exit status, output, errors."""
        while self.next():
            pass
        status = self.process.wait(max(0.1, self._until - time.monotonic()))
        texts = []
        for file in self._output:
            file.seek(0)
            texts.append(file.read().decode())
            file.close()
        return status, *texts

    def close(self):
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        self.process.wait()
        os.close(self._reading)
        if self.person is not None:
            os.close(self.person)
        self.folder.cleanup()

    def values(self, name):
        return [told["value"] for told in self.events if told["kind"] == "value" and told["name"] == name]

    def order(self):
        """The order in which gates were passed, of all its parts."""
        parts = {told["name"]: told["value"] for told in self.events if told["kind"] == "value" and told["name"].startswith("order")}
        return " ".join(parts.values())

    def notices(self):
        return [told["text"] for told in self.events if told["kind"] == "notice"]

    def gates(self, task):
        return [told["on"] for told in self.events if at_gate(told) and told["task"] == task]


def at_gate(told, what=""):
    """Whether a task stands at a gate now."""
    return told["kind"] == "task.state" and told["state"] == "waiting" and (told.get("on") or "").startswith(f"step: {what}")


def joins(told):
    """Whether a task waits for the end of another one now."""
    return told["kind"] == "task.state" and told["state"] == "waiting" and told.get("on") == "join()"


@contextlib.contextmanager
def program(text, *arguments, **environment):
    running = Program(text, *arguments, **environment)
    try:
        yield running
    finally:
        running.close()


def plain(text):
    """What a program does without the observer."""
    with tempfile.TemporaryDirectory(prefix="tasklab-stepping-") as folder:
        path = pathlib.Path(folder) / "program.py"
        path.write_text(text)
        ran = subprocess.run([Program.python, str(path)], stdin=subprocess.DEVNULL, capture_output=True, env=compare.environment([]),
                             cwd=folder, timeout=DEADLINE)
        return ran.returncode, ran.stdout.decode().replace(folder, ""), ran.stderr.decode().replace(folder, "")
