# lanes: main, Thread-1 (greet), Process-1
"""First steps, as one types them: nobody is waited for, and nothing has a name."""
import multiprocessing
import threading


def greet():
    print("hello from a thread")


def greet_by_name(name):
    print("hello", name)


my_thread = threading.Thread(target=greet)
print(my_thread.is_alive())
my_thread.start()
my_thread.join()
multiprocessing.set_start_method("fork")
p = multiprocessing.Process(target=greet_by_name, args=("bob",))
p.start()
p.join()
mydata = threading.local()
mydata.name = "mine"
event1 = threading.Event()
if event1.set():
    print("never said: set() gives nothing")
threading.Thread(target=lambda: print("the last word", event1.is_set())).start()
