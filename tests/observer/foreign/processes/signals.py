# lanes: main, sender
"""Handlers, an alarm, a pause, and which signals are as they were."""
import os
import signal
import sys
import threading
import time

seen = []
print(sorted(s.name for s in signal.valid_signals() if s in list(signal.Signals) and signal.getsignal(s) is not signal.SIG_DFL))
print(signal.getsignal(signal.SIGINT) is signal.default_int_handler, signal.pthread_sigmask(signal.SIG_BLOCK, []))
print(signal.getitimer(signal.ITIMER_REAL), signal.set_wakeup_fd(-1))


def note(number, frame):
    where = frame.f_code.co_name if number == signal.SIGALRM else "somewhere"
    seen.append((signal.Signals(number).name, where, threading.current_thread() is threading.main_thread()))


class TooLate(Exception):
    pass


def give_up(number, frame):
    raise TooLate(signal.strsignal(number))


for name in ("SIGUSR1", "SIGUSR2", "SIGALRM", "SIGHUP"):
    print(signal.signal(getattr(signal, name), note) is signal.SIG_DFL, end=" ")
print()
signal.setitimer(signal.ITIMER_REAL, 0.02, 0.1)
signal.pause()
signal.setitimer(signal.ITIMER_REAL, 0)
del seen[1:]
signal.raise_signal(signal.SIGUSR1)
lock = threading.Lock()


def send():
    time.sleep(0.02)
    os.kill(os.getpid(), signal.SIGUSR2)
    lock.release()


lock.acquire()
sender = threading.Thread(target=send, name="sender")
sender.start()
lock.acquire()
sender.join()
print(seen)
signal.signal(signal.SIGALRM, give_up)
for wait in (lambda: time.sleep(600), lambda: lock.acquire(), lambda: threading.Event().wait(), lambda: input()):
    reading, writing = os.pipe()
    sys.stdin = os.fdopen(reading)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.03)
        wait()
    except TooLate as error:
        print(error, error.__traceback__.tb_frame.f_code.co_name)
signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(number + 100))
try:
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(600)
except SystemExit as error:
    print("exit", error.code)
print(signal.sigtimedwait([signal.SIGCHLD], 0))
