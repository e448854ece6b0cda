# lanes: main, child-1, child-2
# waits: main: waitpid() held by child-1 woken by child-1; main: wait() woken by child-2
# once: op task=main do=waitpid on="any child" result=0; op task=main do=waitpid on=child-1 result=2560
# ops: main: wait child-2 = 9; main: wait any child = ChildProcessError; main: waitpid any child = ChildProcessError
"""What each wait for a child gives: its raw status, nothing, or an error."""
import os
import signal

gate, key = os.pipe()
ready, say = os.pipe()
if (first := os.fork()) == 0:
    os.close(key)
    os.write(say, b"!")
    os.read(gate, 1)
    os._exit(10)
os.read(ready, 1)
print(os.waitpid(-1, os.WNOHANG))
os.close(key)
print(os.waitpid(first, 0)[1])
if (second := os.fork()) == 0:
    os.write(say, b"!")
    signal.pause()
os.read(ready, 1)
os.kill(second, signal.SIGKILL)
print(os.wait()[1])
for wait in (os.wait, lambda: os.waitpid(first, 0)):
    try:
        wait()
    except ChildProcessError as error:
        print(error)
