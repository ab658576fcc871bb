"""Settings of all tests."""

from hypothesis import HealthCheck, settings

# A shared machine may stall for longer than hypothesis's 200 ms; slowness is not what is tested.
settings.register_profile(
    "shared", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.load_profile("shared")
