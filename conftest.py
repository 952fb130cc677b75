"""For all tests: what a test finds is judged, never how fast a shared machine was.

It lies here, not in tests/, because pytest 7.0, the last on Python 3.6, would then find no package in tests/.
"""

import os

from hypothesis import HealthCheck, settings

settings.register_profile("shared machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("shared machine")

# For the drills and rehearsals that tests start (rehearsal/promised.py).
os.environ.setdefault("QMT_SENTRY_TOLERANCE", "12")
