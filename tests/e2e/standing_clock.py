"""The collector's command with a clock that stands still, for a tick can be taken for a while only."""

HALF_A_MINUTE_PAST = """
import sys
from collector.cli import main
sys.exit(main(["once"], clock=lambda: float(sys.argv[1]) + 30.0))
"""
"""`kl-collector once`, half a minute after the time that is its argument."""
