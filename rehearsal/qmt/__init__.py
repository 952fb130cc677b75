"""A simulated QMT: it executes strategy scripts as the real client does, as far as ../shared/qmt-facts.md tells.

`python -m rehearsal.qmt --dir DIR --script FILE` runs it. Each way of the real client that can hurt a strategy is a
named behaviour (behaviours.py). Python 3.6 to 3.11; pandas only where a script asks for a DataFrame.
"""
