"""A thread switches an LED, main waits for the thread, and a button pauses it."""

import sys
import threading
import time

try:
    from gpiozero import LED, Button
except ImportError:
    print("gpiozero is missing here: sudo apt install python3-gpiozero", file=sys.stderr)
    sys.exit(3)

line = 17
button = 26
changes = 10
every = 0.5
pause = 3.0

led = LED(line)
key = Button(button)
may_blink = threading.Event()
may_blink.set()


def blink():
    for _ in range(changes):
        if not may_blink.wait(pause):
            print("nobody has pressed")
            may_blink.set()
        led.toggle()
        time.sleep(every)


def pause_or_go_on():
    if may_blink.is_set():
        may_blink.clear()
        print("The LED pauses")
    else:
        may_blink.set()
        print("The LED goes on")


key.when_pressed = pause_or_go_on
blinker = threading.Thread(target=blink, name="blinker")
blinker.start()
print(f"GPIO{line} blinks; press GPIO{button}")
blinker.join()
print("the blinker is over")
