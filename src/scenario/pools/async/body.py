"""Coroutines take turns: each one runs to its next await."""

import asyncio
import threading
import time

coroutines = 4
steps = 8
pause = 0.4
block = 1.2

total = 0


async def runner(name):
    global total
    for step in range(1, steps + 1):
        total += 1  # No lock is needed: nobody else runs before the await.
        print(f"{name}: step {step}")
        await asyncio.sleep(pause)


async def blocker():
    print("blocker: asyncio.sleep, with await")
    await asyncio.sleep(block)
    print("blocker: time.sleep, without await")
    time.sleep(block)
    print("blocker: done")


async def main():
    async with asyncio.TaskGroup() as group:
        for number in range(1, coroutines + 1):
            group.create_task(runner(f"runner-{number}"), name=f"runner-{number}")
        group.create_task(blocker(), name="blocker")
        print(f"{threading.active_count()} thread, {len(asyncio.all_tasks())} coroutines")


asyncio.run(main())
print(f"{total} steps in all")
