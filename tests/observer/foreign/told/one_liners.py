# lanes: main
# tells: thing on="lock g"; thing on="lock h"; thing on="event i"; thing on="lock a.gate"; thing on="lock b"; thing on="lock l"
# tells: thing on="event m"; thing on="lock n"; thing on="lock o"; thing on="lock p"; thing on="lock q"; thing on="lock r-1"
# tells: thing on="lock t"
"""Things that are made behind the head of a compound statement, or behind another statement, in one line."""
import threading

if True: g = threading.Lock()
for _ in range(1): h = threading.Lock(); i = threading.Event()


class A:
    def __init__(self): self.gate = threading.Lock()
    def more(self) -> None: self.b = threading.Lock()


a = A(); a.more()
if {":": 1}[":"]: l = threading.Lock()
try: m = threading.Event(); n = threading.Lock()
finally: pass
make = lambda: threading.Lock()
o = make()
with threading.Lock() as p, threading.Lock() as q: pass
r = [threading.Lock()]; s = ";:"; t = threading.Lock()
print(s)
