"""Gives its place to the program that follows it on the command line. See `knobs.py`."""

from tasklab import knobs

knobs.run()
