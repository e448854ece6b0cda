# lanes: main, adder
# exit: 1
"""A class and its tests, one of which fails."""
import io
import threading
import unittest
from unittest import mock


class Counter:
    def __init__(self):
        self.value = 0
        self.lock = threading.Lock()

    def add(self, times=1):
        for _ in range(times):
            with self.lock:
                self.value += 1


class CounterTest(unittest.TestCase):
    def setUp(self):
        self.counter = Counter()

    def test_counts_alone(self):
        self.counter.add(3)
        self.assertEqual(self.counter.value, 3)

    def test_counts_with_threads(self):
        threads = [threading.Thread(target=self.counter.add, args=(200,), name="adder") for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(self.counter.value, 600)

    def test_fails(self):
        with self.counter.lock:
            self.assertFalse(self.counter.lock.locked(), "as it must")

    def test_mocked_lock(self):
        with mock.patch("threading.Lock") as made:
            Counter().add()
        made.assert_called_once_with()

    def test_mocked_method(self):
        with mock.patch.object(threading.Thread, "start", autospec=True) as start:
            threading.Thread(target=self.counter.add).start()
        self.assertEqual(start.call_count, 1)

    @unittest.skip("not today")
    def test_skipped(self):
        self.fail()


if __name__ == "__main__":
    report = io.StringIO()
    runner = unittest.TextTestRunner(report, verbosity=2)
    result = unittest.main(testRunner=runner, exit=False).result
    print("\n".join(line for line in report.getvalue().splitlines() if not line.startswith("Ran ")))
    raise SystemExit(not result.wasSuccessful())
