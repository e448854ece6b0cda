"""Blink: a thread lets an LED blink while main waits for a button.

The header on the screen shows the LED; nothing needs to be wired.
"""

import threading
import time

import tasklab

params = tasklab.params(
    changes=16,
    every=0.3,
    patience=5.0,
    line=17,
    button=26,
)
tasklab.actions("pause")

lock = threading.Lock()  # Main pauses the blinker between two changes, never within one.
may_blink = tasklab.Event("may blink")
changes, early, while_paused, pauses = 0, 0, 0, 0
paused_at = None  # How many changes there were when it was paused, while it is.
late = 0.0  # How late the last change was.


def blinker():
    due = time.monotonic()
    for number in range(1, params.changes + 1):
        due += params.every
        tasklab.sleep(max(0, due - time.monotonic()))
        while not change(due, number % 2):
            if not may_blink.wait(params.patience):
                go_on()
            due = time.monotonic()


def change(due, level):
    """Switches the LED, unless it is paused."""
    global changes, early, late
    with lock:
        if paused_at is not None:
            return False
        tasklab.gpio(params.line, level)
        now = time.monotonic()
        changes += 1
        early += now < due
        late = now - due
        return True


def pause_or_go_on():
    global paused_at, pauses
    with lock:
        was_paused = paused_at is not None
        if not was_paused:
            paused_at = changes
            pauses += 1
    if was_paused:
        go_on()
    else:
        may_blink.clear()


def go_on():
    global paused_at, while_paused
    with lock:
        if paused_at is not None:
            while_paused += changes - paused_at
        paused_at = None
    may_blink.set()


def main():
    tasklab.started("main")
    tasklab.button(params.button)
    may_blink.set()
    thread = tasklab.Thread(target=blinker, name="blinker")
    thread.start()

    tasklab.state("main", "waiting", on="you")
    while thread.is_alive():
        asked = tasklab.action(0.05)
        if asked:
            pause_or_go_on()  # That was a press of the button, or `pause`: there is nothing else to ask for.
    thread.join()
    tasklab.finished("main")

    tasklab.value("last change late by (ms)", round(late * 1000, 1))
    print(f"{changes} changes, the last one {late * 1000:.1f} ms late")
    tasklab.fact("changes", "main only waits, and the LED changes all the same: changes", params.changes, changes)
    tasklab.fact("not-early", "a sleep ends late, never early: changes before they were due", 0, early)
    if pauses:
        tasklab.fact("stood-still", "a paused blinker leaves its LED as it is: changes meanwhile", 0, while_paused)


if __name__ == "__main__":
    main()
