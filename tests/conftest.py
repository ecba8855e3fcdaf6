"""Property tests have all the time they take: on a busy machine limits would fail them for the machine's sake."""

from hypothesis import HealthCheck, settings

settings.register_profile("no hurry", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("no hurry")
