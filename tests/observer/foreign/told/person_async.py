# lanes: main, napper, waiter
# acts: hold lock oven after task.state task=waiter on="event gate"; release lock oven after action.refused target="lock oven" do=hold
# acts: go-on nobody after action.refused target="lock oven" do=release; go-on napper after action.refused target=nobody
# acts: set event gate after task.finished task=napper; put queue belt 7 after task.state task=waiter on="queue belt"
# waits: waiter: event gate woken by you; waiter: queue belt woken by you
# tells: action.refused do=hold text="only a coroutine can acquire lock oven, which is asyncio's"; action.refused do=release text="nobody has lock oven"
# tells: action.refused do=go-on target=nobody
# tells: task.state task=napper state=running woken_by=you
"""A person acts on things of asyncio's, which may be used in their loop alone."""
import asyncio
import sys

is_alone = "tasklab.observe" not in sys.modules


async def nap():
    print(await asyncio.sleep(0 if is_alone else 60, "slept"))


async def wait(gate, oven, belt):
    await gate.wait()
    async with oven:
        print(await belt.get())


async def main():
    asyncio.current_task().set_name("main-task")
    gate, oven, belt = asyncio.Event(), asyncio.Lock(), asyncio.Queue()
    napper = asyncio.create_task(nap(), name="napper")
    waiter = asyncio.create_task(wait(gate, oven, belt), name="waiter")
    await napper
    if is_alone:
        gate.set()
        belt.put_nowait(7)
    await waiter


asyncio.run(main())
