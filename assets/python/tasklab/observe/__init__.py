"""The observer: shows the threads, processes, coroutines, futures and events of a Python program that knows nothing of it.

It replaces what the program's own code makes and calls; the standard library and installed packages get the real things. It tells
what happens, and changes nothing. Each module imports only those above it:

    lines       the lines that are written: one for each thing that happens
    hooks       functions are wrapped now, or as soon as their module is imported
    frames      whose code a frame is, its line in the script, the name of the variable that it assigns to; tracebacks without our frames
    lanes       a lane for each task: what it holds, what it waits for, how much it tells
    things      what tasks wait for: names, and the threads that wait on a condition
    quiet       locks that are taken so often that C alone must do it
    stepping    step mode: the gates, and the order in which they are passed
    listener    the actions of a person, and what nobody tells
    locks       threading's Lock and RLock
    conditions  threading's Condition, Semaphore, Event and Barrier
    threads     threading's Thread and Timer
    queues      queue's Queue and SimpleQueue
    futures     concurrent.futures
    processes   os.fork, os.wait, os.system, time.sleep, input
    programs    subprocess
    workers     multiprocessing
    coroutines  asyncio
    schedules   sched
    start       puts all of it in place
"""
