"""The report of the tests of the packages and of the emulated Raspberry Pi."""


class Checks:
    """Counts what held, what did not, and what could not be checked here."""

    def __init__(self):
        self.passed, self.skipped, self.failed = 0, 0, []

    def check(self, what, holds, seen=""):
        print(f"    {'ok' if holds else 'FAILED'}: {what}{f' ({seen})' if seen != '' else ''}", flush=True)
        if holds:
            self.passed += 1
        else:
            self.failed.append(what)

    def skip(self, what, why):
        print(f"    skipped: {what}: {why}", flush=True)
        self.skipped += 1
