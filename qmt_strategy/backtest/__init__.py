"""The backtest of the live rule: prices, engine, metrics, report, parameter search, adjustment study (Python 3.8+).

It asks dingtou/grid.py, the same source that trades live; nothing here is imported by the strategy.
"""
