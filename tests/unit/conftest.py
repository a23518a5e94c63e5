"""No test depends on how fast a machine is."""

from hypothesis import HealthCheck, settings

settings.register_profile(
    "any-machine",
    parent=settings(),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("any-machine")
