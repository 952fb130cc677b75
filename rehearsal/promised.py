"""What is promised of times, for the rehearsal and the drills: printed always, judged only beyond TOLERANCE times."""

TOLERANCE = 3  # times the promise: the machines are shared
LATENCY = 1.0  # s from the strategy's post to the receiver's commit, 99th percentile
HANDLEBAR = 5.0  # ms of etf_grid's own time per call of handlebar, 99th percentile over a day
COST = 5.0  # ms of the strategy's own time per post, 99th percentile
TOLD = 10.0  # s from QMT's death to the phone
