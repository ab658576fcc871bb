"""Settings of all tests."""

import os

from hypothesis import HealthCheck, settings

# A shared machine may stall for longer than hypothesis's 200 ms; slowness is not what is tested.
settings.register_profile(
    "explore", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
# The same examples each time: what a change did not break must not fail beside it. Look further
# with HYPOTHESIS_PROFILE=explore, or with make fuzz.
settings.register_profile("same", settings.get_profile("explore"), derandomize=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))
