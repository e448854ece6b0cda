# lanes: main, listener
# stdin: Ann\n7\nseven\n\nlast words\nthe rest\nof it\n
# exit: 1
"""Asks, and reads what comes by a pipe; a thread asks, too; at the end there is no more."""
import sys
import threading

name = input("Your name? ")
age = int(input("How old are you? "))
print(f"{name} is {age}")
try:
    int(input())
except ValueError as error:
    print(error)
print(repr(input("Enter goes on: ")))
heard = []
listener = threading.Thread(target=lambda: heard.append(input()), name="listener")
listener.start()
listener.join()
print(heard, sys.stdin.isatty(), sys.stdin.name, sys.stdin.fileno(), input.__name__)
print([line.strip() for line in sys.stdin])
input("Anything else? ")
