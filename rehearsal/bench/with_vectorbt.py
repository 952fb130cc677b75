"""The legacy rule in vectorbt's from_order_func, to stand beside our own core: run by bench/backtest.py --vectorbt.

`python with_vectorbt.py PRICES.npz SETS.json` in an environment that has vectorbt; prints JSON. It knows nothing of
this repository: adjusted closes in, seconds a set and the number of orders out.
"""

import json
import sys
import time

import numpy as np
import pandas as pd
import vectorbt as vbt
from numba import njit
from vectorbt.portfolio import nb
from vectorbt.portfolio.enums import NoOrder


@njit
def order_func(c, cells, his, los, latch, amount, sell_factor, rate):
    """One column's order of one day: below its threshold and its last cell buy, above them sell what there is."""
    cell, last = cells[c.i, c.col], latch[c.col]
    price = c.close[c.i, c.col]
    if cell < 0 and cell < last and cell < los[c.col]:
        latch[c.col] = cell
        size = np.floor(amount * -cell / price / 100 + 1e-9) * 100
        return nb.order_nb(size=size, price=price, fees=rate)
    if cell > 0 and cell > last and cell > his[c.col] and c.position_now > 0:
        size = np.floor(amount * cell * sell_factor / price / 100 + 1e-9) * 100
        if c.position_now - size < 100:
            size = c.position_now
        latch[c.col] = cell
        return nb.order_nb(size=-size, price=price, fees=rate)
    return NoOrder


def run(closes, one):
    """One set: averages, thresholds, orders, final value."""
    height = one.get("grid_height", 0.01)
    means = closes.rolling(one["ma"], min_periods=1).mean()
    distance = ((closes - means) / means).to_numpy()
    floors = np.floor(np.round(distance / height, 9)).astype(np.int64)
    cells = np.where(distance < 0, floors, floors + 1)
    his, los = [], []
    for column in distance.T:
        above, below = column[column > 1e-12], column[column < -1e-12]
        his.append(1 + int(np.floor(round(np.quantile(above, one["quantile_positive"]) / height, 9))))
        los.append(int(np.floor(round(np.quantile(below, 1 - one["quantile_negative"]) / height, 9))))
    latch = np.zeros(closes.shape[1], np.int64)
    args = (cells, np.array(his), np.array(los), latch, 1000.0, 2.0, 0.0001)
    made = vbt.Portfolio.from_order_func(
        closes, order_func, *args, init_cash=1e9, cash_sharing=True, group_by=True, freq="1D"
    )
    return made.final_value(), made.order_records["side"]


def main():
    closes = pd.DataFrame(np.load(sys.argv[1])["closes"])
    with open(sys.argv[2]) as file:
        sets = json.load(file)
    began = time.perf_counter()
    run(closes, sets[0])
    first = time.perf_counter() - began
    wall, cpu = [], []
    sides = []
    for one in sets:
        clock, process = time.perf_counter(), time.process_time()
        _, side = run(closes, one)
        wall.append(time.perf_counter() - clock)
        cpu.append(time.process_time() - process)
        sides.append([int((side == 0).sum()), int((side == 1).sum())])
    found = {"version": vbt.__version__, "first": first, "wall": float(np.median(wall)), "cpu": float(np.median(cpu))}
    print(json.dumps(dict(found, orders=sides)))


if __name__ == "__main__":
    main()
