"""No test depends on how fast a machine is, or on chance; HYPOTHESIS_PROFILE=thorough looks farther."""

import os

from hypothesis import HealthCheck, settings

settings.register_profile(
    "any-machine",
    parent=settings(),
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile("thorough", parent=settings.get_profile("any-machine"), max_examples=1000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "any-machine"))
