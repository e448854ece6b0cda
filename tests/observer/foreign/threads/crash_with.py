# lanes: main, helper
# things: lock till
# exit: 1
"""An exception that nobody catches leaves a `with` of a lock, in the main thread, while another thread waits for it."""
import threading

till = threading.Lock()


def help_out():
    with till:
        print("helper: the till is free")


def count(coins):
    with till:
        threading.Thread(target=help_out, name="helper").start()
        return sum(coins)


print("counting")
count([1, 2, "five"])
print("never said")
