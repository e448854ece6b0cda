# lanes: main, traced
"""Traces and counts its own functions, as debuggers and coverage do; only what stands in this file is shown."""
import sys
import threading

calls, lines = [], set()
lock = threading.Lock()
room = threading.Condition(lock)


def trace(frame, event, argument):
    if frame.f_code.co_filename != __file__:
        return None
    if event == "call":
        calls.append(frame.f_code.co_name)
    elif event == "line":
        lines.add((frame.f_code.co_name, frame.f_lineno - frame.f_code.co_firstlineno))
    return trace


def profile(frame, event, argument):
    if frame.f_code.co_filename == __file__ and event in ("call", "return"):
        profiled.append((event, frame.f_code.co_name))


def ready():
    return True


def work():
    with lock:
        if calls:
            result = 1
    with room:
        room.wait_for(ready)
    return result


class Careful:
    def __enter__(self):
        lock.acquire()

    def __exit__(self, *error):
        lock.release()


def use():
    with Careful():
        pass


profiled = []
threading.settrace(trace)
sys.settrace(trace)
work()
use()
thread = threading.Thread(target=work, name="traced")
thread.start()
thread.join()
sys.settrace(None)
threading.settrace(None)
sys.setprofile(profile)
use()
sys.setprofile(None)
print(calls)
print(sorted(lines))
print(profiled)
