"""Property tests have all the time they take: on a busy machine limits would fail them for the machine's sake."""

from hypothesis import HealthCheck, settings

settings.register_profile("quick", deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=25)
settings.register_profile("thorough", settings.get_profile("quick"), max_examples=250)
settings.load_profile("quick")
