"""Runs CPython's own tests of threads, queues and processes with the observer, which takes them for a user's code, and without it, and
compares test by test.

    python3 tests/observer/cpython.py [--python PYTHON] [--observer FOLDER] [--ci] [--jobs N] [MODULE, MODULE:PATTERNS or TEST …]

The tests are those of the interpreter's package `test` (Debian: libpython3.11-testsuite); where it is missing, nothing is checked, and the
line `skipped: …` says so. What does not pass with the observer is run without it. A test that fails with it alone is run again, by itself, at
most twice. What fails then, and does not stand in KNOWN, makes the exit status 1.
"""

import argparse
import concurrent.futures
import contextlib
import fnmatch
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
ASSETS = HERE.parent.parent / "assets" / "python"

# Modules, and how many seconds each may take: several times what it takes on two slow cores.
MODULES = {
    "test_thread": 300,
    "test_threading": 900,
    "test_threading_local": 300,
    "test_threadsignals": 300,
    "test_queue": 300,
    "test_concurrent_futures": 900,
    "test_multiprocessing_fork": 1800,
    "test_multiprocessing_spawn": 1800,
    "test_multiprocessing_forkserver": 1800,
    "test_multiprocessing_main_handling": 600,
    "test_asyncio": 1800,
    "test_subprocess": 900,
    "test_sched": 300,
    "test_signal": 600,
    "test_fork1": 300,
    "test_wait3": 300,
    "test_wait4": 300,
}

# The tests of --ci: a minute and a half of those that are about what the observer wraps. After the colon stand the patterns of their names.
CI = [
    "test_thread",
    "test_threading",
    "test_threading_local",
    "test_queue",
    "test_sched",
    "test_concurrent_futures:*.FutureTests.*|*.ThreadPoolExecutorTest.*|*.ThreadPoolAsCompletedTest.*|*Fork*ShutdownTest.*|*InitializerTest.*",
    "test_multiprocessing_fork:*.WithProcessesTest[CELQSVA]*|*.WithProcessesTestPool.*|*.WithProcessesTestProcess.*|*.TestSimpleQueue.*"
    "|*.WithThreadsTest[EQLS]*|*.WithManagerTest[LES]*",
    "test_multiprocessing_spawn:*.WithProcessesTest[ELSV]*|*.WithProcessesTestQueue.*|*.WithProcessesTestPoolWorkerErrors.*|*.TestSimpleQueue.*",
    "test_multiprocessing_forkserver:*.WithProcessesTest[ELSV]*|*.WithProcessesTestQueue.*|*.TestSimpleQueue.*",
    "test_asyncio:*.test_locks.*|*.test_queues.*|*.test_timeouts.*|*.test_runners.*|*.test_threads.*|*.CTask_CFuture_Tests.*|*.*GatherTests.*",
    "test_subprocess:*.RunFuncTestCase.*|*.ContextManagerTests.*",
    "test_fork1",
]

SILENCE = 180  # seconds that no single test takes
MOST_AGAIN = 20  # tests of a module that are run again; where more fail, it is not by chance
MISSING = ("missing", "the test did not run, and nothing was told of it")

# Tests that cannot pass under the observer, as patterns of their names, and the reason.
KNOWN = {
    "test_subprocess.*.test_pass_fds_redirected": "a Python child that is observed has one descriptor more, which is the observer's",
}


# --- the part that runs inside the Python that is tested ------------------------------------------------------------

def run_here(is_listed, path, names):
    """Runs the tests of these names in this process, or lists them, and writes a line for each into the file."""
    import unittest

    from test import support

    support.use_resources = []  # no network, no large files, nothing that takes minutes

    class Result(unittest.TestResult):
        """Writes the name when a test begins, and the outcome when it ends."""

        def __init__(self):
            super().__init__()
            self.outcomes = {}

        def write(self, test, outcome, text=""):
            name = test.id()
            self.outcomes[name] = outcome
            lines.write(json.dumps({"test": name, "outcome": outcome, "text": text[-2000:], "t": time.monotonic()}) + "\n")
            lines.flush()

        def startTest(self, test):
            super().startTest(test)
            self.write(test, "begun")

        def addSuccess(self, test):
            if self.outcomes.get(test.id()) == "begun":
                self.write(test, "ok")

        def addFailure(self, test, error):
            self.write(test, "failed", self._exc_info_to_string(error, test))

        def addError(self, test, error):
            self.write(test, "error", self._exc_info_to_string(error, test))

        def addSubTest(self, test, subtest, error):
            if error:
                self.write(test, "failed", self._exc_info_to_string(error, test))

        def addSkip(self, test, reason):
            if self.outcomes.get(test.id(), "begun") == "begun":
                self.write(test, "skipped", reason)

        def addExpectedFailure(self, test, error):
            self.write(test, "ok")

        def addUnexpectedSuccess(self, test):
            self.write(test, "failed", "unexpected success")

    def tests_of(loader, name, patterns=None):
        loader.testNamePatterns = patterns and patterns.split("|")
        return loader.loadTestsFromName(f"test.{name}")

    def list_tests(tests, result):
        for test in tests:
            if isinstance(test, unittest.BaseTestSuite):
                list_tests(test, result)
            else:
                result.write(test, "listed")

    with open(path, "w", encoding="utf-8") as lines:
        suite = unittest.TestSuite(tests_of(unittest.TestLoader(), *name.split(":")) for name in names)
        if is_listed:
            list_tests(suite, Result())
        else:
            suite.run(Result())
        lines.write(json.dumps({"test": "", "outcome": "over", "text": "", "t": time.monotonic()}) + "\n")


# --- the part that starts it ----------------------------------------------------------------------------------------

class Harness:
    """One Python, and its tests with and without the observer."""

    def __init__(self, python, observer, folder):
        self.python, self.observer, self.folder = python, observer, pathlib.Path(folder)
        self.package = self._find_package()

    def _find_package(self):
        """The folder of the package `test`; None where the tests are not installed."""
        code = "import os, test.support, test.test_threading; print(os.path.dirname(test.__file__))"
        found = subprocess.run([self.python, "-c", code], capture_output=True, text=True, env=environment())
        return found.stdout.strip() if found.returncode == 0 else None

    def outcomes(self, names, is_observed, timeout, do="--run"):
        """The outcome of each test, by its name: (outcome, text); and the seconds of each class."""
        work = pathlib.Path(tempfile.mkdtemp(dir=self.folder))
        results = work.with_suffix(".results")
        env, fds = environment(TMPDIR=str(work)), []
        if is_observed:
            # Lines that nobody reads, and a pipe by which no action comes.
            fds = [os.open(os.devnull, os.O_WRONLY), *os.pipe()]
            env |= {"PYTHONPATH": self.observer, "TASKLAB_OBSERVE": self.package, "TASKLAB_EVENTS": str(fds[0]),
                    "TASKLAB_EVENTS_FILE": os.devnull, "TASKLAB_CONTROL": str(fds[1]), "TASKLAB_T0": str(time.monotonic_ns())}
        with open(work / "output", "wb") as output:
            command = [self.python, str(pathlib.Path(__file__).resolve()), do, str(results), *names]
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd=work, env=env,
                                       pass_fds=fds[:2], start_new_session=True)
            wait(process, results, timeout)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        for fd in fds:
            os.close(fd)
        return self._read(results, names, work / "output")

    def _read(self, results, names, output):
        whole = results.read_text().rpartition("\n")[0] if results.exists() else ""
        lines = [json.loads(line) for line in whole.splitlines()]
        found = {line["test"]: (line["outcome"], line["text"]) for line in lines}
        if found.pop("", None) is None:
            tail = output.read_bytes()[-2000:].decode(errors="backslashreplace")
            begun = [test for test, (outcome, _) in found.items() if outcome == "begun"]
            found |= {test: ("did not end", tail) for test in begun or names}
        began = {line["test"]: line["t"] for line in lines if line["outcome"] == "begun"}
        spent = {}
        for line in lines:
            if line["test"] in began and line["outcome"] != "begun":
                group = line["test"].rpartition(".")[0]
                spent[group] = spent.get(group, 0) + line["t"] - began.pop(line["test"])
        return found, spent


def wait(process, results, timeout):
    """Waits for the end of the process, as long as one test after the other ends."""
    end, size = time.monotonic() + timeout, -1
    while time.monotonic() < end:
        if results.exists() and results.stat().st_size != size:
            size, silent = results.stat().st_size, time.monotonic() + SILENCE
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(0.2)
            return
        if size >= 0 and time.monotonic() > silent:
            return


def environment(**more):
    """Ours without the settings of Python, and without what an enclosing run of Task Lab has put there."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "TASKLAB_"))}
    return {**kept, "PYTHONDONTWRITEBYTECODE": "1", **more}


def known_reason(test):
    return next((reason for pattern, reason in KNOWN.items() if fnmatch.fnmatchcase(test.removeprefix("test."), pattern)), None)


class Comparison:
    """The tests of one name, with the observer and without it: without it, only those run that do not simply pass with it."""

    def __init__(self, harness, name):
        self.harness, self.name, self.timeout = harness, name, timeout_of(name)
        began = time.monotonic()
        observed, self.spent = self._outcomes([name], True)
        self.seconds = time.monotonic() - began
        listed, _ = self._outcomes([name], False, "--list")
        # A test that hangs ends the run. Those behind it get another one.
        while 0 < len(left := [test for test in listed if test not in observed]) < len(listed):
            more, _ = self._outcomes(left, True)
            if not more.keys() & set(left):
                break
            observed |= more
        self.outcomes = {test: observed.get(test, MISSING) for test in (*listed, *observed)}
        # A module that skips itself when it is loaded has done so without the observer, too, if it is listed there.
        suspects = [test for test, (outcome, _) in self.outcomes.items()
                    if outcome != "ok" and not (outcome == "skipped" and test in listed and is_of_no_class(test))]
        self.plain = self._outcomes(suspects, False)[0] if suspects else {}
        self.differing = [test for test in suspects if self._differs(test)]

    def _outcomes(self, tests, is_observed, do="--run"):
        names = dict.fromkeys(self.name if is_of_no_class(test) else name_of(test) for test in tests)
        return self.harness.outcomes(list(names), is_observed, self.timeout, do)

    def _differs(self, test):
        """Whether the test fails, or is left out, with the observer alone."""
        plain = self.plain.get(test, MISSING)[0]
        return plain != self.outcomes[test][0] and plain in ("ok", "skipped")

    def report(self, with_times):
        """Prints how the tests went."""
        count = {word: sum(outcome == word for outcome, _ in self.outcomes.values()) for word in ("ok", "skipped")}
        module = self.name.partition(":")[0]
        print(f"{module}: {len(self.outcomes)} tests, {count['ok']} passed, {count['skipped']} skipped; {self.seconds:.1f} s", flush=True)
        for group, seconds in self.spent.items() if with_times else ():
            print(f"    {seconds:6.1f} s {group}")

    def faults(self):
        """Prints what differs; gives how many tests fail with the observer alone, and have no reason in KNOWN. A loaded machine makes
        tests fail that measure times: each gets two more tries, alone."""
        for test, (outcome, text) in self.plain.items():
            if outcome not in ("ok", "skipped"):
                print(f"fails without the observer, too: {test} ({outcome}): {last_line(text)}")
        faults = 0
        for test in self.differing:
            reason, tries = known_reason(test), 2 if len(self.differing) <= MOST_AGAIN else 0
            while tries and not reason and self._differs(test):
                tries -= 1
                print(f"again, alone: {test} ({self.outcomes[test][0]})", flush=True)
                self.plain |= self._outcomes([test], False)[0]
                self.outcomes[test] = self._outcomes([test], True)[0].get(test, MISSING)
            if self._differs(test):
                outcome, text = self.outcomes[test]
                print(f"{f'known: {reason}' if reason else 'FAILED'}: {test} ({outcome})")
                if not reason:
                    faults += 1
                    print("\n".join(f"    {line}" for line in text.splitlines()), flush=True)
        return faults


def name_of(test):
    """The name under which a test is loaded; that of its class, where the preparation of the class is meant."""
    return test.rpartition("(")[2].removesuffix(")").removeprefix("test.")


def is_of_no_class(test):
    return test.startswith("unittest.loader.")


def last_line(text):
    return (text.strip().splitlines() or [""])[-1]


def timeout_of(name):
    return MODULES.get(name.partition(":")[0].partition(".")[0], 600)


def main():
    if sys.argv[1:2] in (["--run"], ["--list"]):
        return run_here(sys.argv[1] == "--list", sys.argv[2], sys.argv[3:])
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", default="python3", help="the Python whose tests are run")
    parser.add_argument("--observer", default=str(ASSETS), type=os.path.abspath, help="the folder that holds the observer")
    parser.add_argument("--ci", action="store_true", help="only the tests that are worth a minute and a half")
    parser.add_argument("--times", action="store_true", help="also prints the seconds of each class")
    parser.add_argument("--jobs", type=int, help="modules that are tested at the same time: most of their tests sleep")
    parser.add_argument("names", nargs="*", help="modules, or tests, such as test_queue.QueueTest")
    arguments = parser.parse_args()
    names = arguments.names or (CI if arguments.ci else list(MODULES))
    with tempfile.TemporaryDirectory(prefix="tasklab-cpython-") as folder:
        harness = Harness(arguments.python, arguments.observer, folder)
        if not harness.package:
            print(f"skipped: the tests of {arguments.python} are not installed (Debian: libpython3.11-testsuite, or of another version)")
            return 0
        with concurrent.futures.ThreadPoolExecutor(arguments.jobs or (3 if arguments.ci else 1)) as pool:
            comparisons = []
            for comparison in pool.map(lambda name: Comparison(harness, name), names):
                comparison.report(arguments.times)
                comparisons.append(comparison)
        faults = sum(comparison.faults() for comparison in comparisons)
    print(f"{faults} fail with the observer alone")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
