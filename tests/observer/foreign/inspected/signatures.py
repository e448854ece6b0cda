# lanes: main
"""Looks at the library's classes as an editor or a documentation tool does."""
import asyncio
import concurrent.futures
import inspect
import multiprocessing
import os
import pydoc
import queue
import sched
import subprocess
import threading
import time

CLASSES = [threading.Thread, threading.Event, threading.Barrier, threading.Semaphore, threading.Condition, threading.Timer, queue.Queue,
           queue.PriorityQueue, concurrent.futures.ThreadPoolExecutor, sched.scheduler, subprocess.Popen, multiprocessing.Process]
for made in CLASSES:
    print(made, inspect.isclass(made), made.__mro__[1].__name__, inspect.getsourcelines(made)[1])
for function in (threading.Thread.start, threading.Thread.join, threading.Event.wait, queue.Queue.get, queue.Queue.put, subprocess.run,
                 threading.Barrier.wait, threading.Condition.wait_for, concurrent.futures.ThreadPoolExecutor.submit,
                 sched.scheduler.run, asyncio.gather, asyncio.create_task, concurrent.futures.wait, multiprocessing.Process.start):
    name = function.__qualname__
    print(name, inspect.signature(function), function.__module__, inspect.isfunction(function))
    print("   ", inspect.getsource(function).splitlines()[0].strip(), "|", (function.__doc__ or "").strip().splitlines()[:1])
for module in (threading, queue, sched, subprocess, concurrent.futures):
    print(module.__name__, sorted(name for name in dir(module) if not name.startswith("_")))
print(pydoc.render_doc(threading.Thread.join, renderer=pydoc.plaintext).splitlines()[:3])
for builtin in (time.sleep, os.fork, os.waitpid, os.system):
    print(callable(builtin), builtin.__name__, builtin.__module__, builtin.__doc__.splitlines()[0])
print(inspect.signature(threading.Thread), threading.Thread.__doc__.split(".")[0])
print(inspect.getmembers(threading.Event(), inspect.isroutine)[-1][0])
print(callable(threading.Lock), threading.Lock.__name__ in ("lock", "allocate_lock"), inspect.isroutine(threading.Lock().acquire))
