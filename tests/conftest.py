"""Property tests have no deadline: on a busy machine it would fail them for the machine's sake."""

from hypothesis import settings

settings.register_profile("no deadline", deadline=None)
settings.load_profile("no deadline")
