"""A fortnight of orders, twice: as the pure rule gives them, and as etf_grid.py places them in the simulated QMT.

Both sides get the same folder of price CSVs, the same grid state and the same limits, and nothing else of each other:

    rule_orders.py  CSVs -> dingtou.replay -> the orders that must be   (no simulated QMT, no etf_grid.py)
    live_orders.py  CSVs -> simulated QMT -> etf_grid.py -> the orders that reached the broker
    scenarios.py    what is given to both; synthetic.py makes the folder of the synthetic fortnight
    late_factors.py every ex-date with the adjustment factors a day late
    report.py       runs all of it, compares, and writes the list

Python 3.6 and the standard library, pandas only inside the simulated QMT.
"""
