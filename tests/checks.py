"""What the tests of the packages and of the emulated Raspberry Pi say of what they see."""


class Checks:
    """Counts what held and what did not."""

    def __init__(self):
        self.passed, self.failed = 0, []

    def check(self, what, holds, seen=""):
        print(f"    {'ok' if holds else 'FAILED'}: {what}{f' ({seen})' if seen != '' else ''}", flush=True)
        if holds:
            self.passed += 1
        else:
            self.failed.append(what)
