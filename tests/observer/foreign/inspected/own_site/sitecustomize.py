"""What the owner of a machine lets each Python do at its start."""
import sys

print("the machine's own start", file=sys.stderr)
sys.custom_start = True
