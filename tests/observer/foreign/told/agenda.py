# lanes: main, feed, feed-2, late, lost
# acts: cancel event late after task.state task=main state=waiting on="scheduler agenda"
# ops: main: enter scheduler agenda = feed; main: enterabs scheduler agenda = feed-2; main: cancel scheduler agenda = lost
# ops: main: cancel scheduler agenda = ValueError
# waits: main: scheduler agenda
# ends: feed: ok; feed-2: ok; lost: cancelled; late: cancelled
# tells: task.state task=main on="scheduler agenda" at_most=0.3
# never: task.started task=feed-1; op do=enterabs result=feed; action.refused
"""A scheduler's events under the names of their functions; one is cancelled by the program, and one by a person."""
import sched
import time


def feed(animal):
    print("feed the", animal)


def late():
    pass


def lost():
    print("never said")


agenda = sched.scheduler(time.monotonic, time.sleep)
agenda.enter(0.3, 1, feed, ("cat",))
agenda.enterabs(time.monotonic() + 0.4, 1, feed, ("dog",))
agenda.enter(0.9, 1, late)
event = agenda.enter(9, 1, lost)
agenda.cancel(event)
try:
    agenda.cancel(event)
except ValueError as error:
    print(error)
agenda.run()
