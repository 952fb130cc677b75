"""What is promised of times, for the rehearsal and the drills: printed always, judged only beyond TOLERANCE times."""

import os

# Times the promise: the machines are shared. The tests, which run several drills at once beside other tests, set more:
# there the times tell of the machine, and only what is lost, doubled or wrongly told counts.
TOLERANCE = float(os.environ.get("QMT_SENTRY_TOLERANCE", "3"))
LATENCY = 1.0  # s from the strategy's post to the receiver's commit, 99th percentile
HANDLEBAR = 5.0  # ms of etf_grid's own time per call of handlebar, 99th percentile over a day
COST = 5.0  # ms of the strategy's own time per post, 99th percentile
TOLD = 10.0  # s from QMT's death to the phone
