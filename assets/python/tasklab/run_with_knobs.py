"""Gives its place to the program that follows it on the command line. See `observe/knobs.py`."""

from tasklab.observe import knobs

knobs.run()
