"""For all tests: what a test finds is judged, never how fast a shared machine was."""

import os

from hypothesis import HealthCheck, settings

settings.register_profile("shared machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("shared machine")

# For the drills and rehearsals that tests start (rehearsal/promised.py).
os.environ.setdefault("QMT_SENTRY_TOLERANCE", "12")
