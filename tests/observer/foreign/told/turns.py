# lanes: main, first, second, third
# waits: second: lock oven held by first woken by first; third: lock oven held by second woken by second
# tells: task.state task=third state=waiting on="lock oven" held_by=first
# never: task.state on="lock oven" held_by=third
"""A lock of asyncio's goes from task to task; one gives up waiting for it."""
import asyncio
import traceback


async def bake(oven):
    async with oven:
        await asyncio.sleep(0.05)


async def main():
    oven = asyncio.Lock()
    async with asyncio.TaskGroup() as group:
        for name in ("first", "second", "third"):
            group.create_task(bake(oven), name=name)
            await asyncio.sleep(0)
    print(oven.locked(), await oven.acquire())
    try:
        await asyncio.wait_for(oven.acquire(), 0.05)
    except TimeoutError:
        print("no turn")
    oven.release()
    try:
        oven.release()
    except RuntimeError:
        traceback.print_exc()


asyncio.run(main())
