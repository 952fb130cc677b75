"""A made-up past of several mini PCs, written straight into a receiver's database: what its pages show after a year.

Seeded: the same seed and the same end give the same past. Prices are random walks, trades follow a coarse grid, some
days have an incident. The last day ends at `now`, as if the machines had posted a moment ago.
"""

import datetime
import hashlib
import json
import math
import random
import sqlite3

from rehearsal.market import ETFS

DAY = 86400
SHANGHAI = datetime.timezone(datetime.timedelta(hours=8))
MACHINES = ("mini-pc", "study", "office")
TRADING = [(hour, minute) for hour in range(9, 15) for minute in range(60) if (9, 25) <= (hour, minute) <= (15, 0)]
CHART_DAYS = 600  # of a posted chart
AVERAGE = 120  # bars of its average
INCIDENTS = (
    (
        "qmt.process",
        "",
        "QMT 不在运行",
        "QMT 在运行",
        "XtItClient.exe 不见了",
        "远程登录小主机，打开 QMT 并登录。",
        2,
        0,
    ),
    (
        "qmt.heartbeat",
        "heartbeat",
        "策略 heartbeat 没有心跳",
        "策略 heartbeat 有心跳",
        "没有收到它的心跳。",
        "看策略。",
        2,
        0,
    ),
    ("strategy.notice", "fill", "成交", "", "卖出 510300.SH 2,400 股", "", 0, 1),
    ("qmt.log", "断开", "QMT 连接断开", "", "行情服务器断开，正在重连", "", 1, 1),
)


def fill(database, now, machines=MACHINES, days=245, minute_days=8, seed=1):
    """Adds `days` trading days (Monday to Friday) up to `now` (epoch seconds) to an existing database."""
    midnights = trading_days(now, days)
    with sqlite3.connect(str(database)) as db:
        pasts = [Past(db, name, random.Random(f"{seed} {name}"), now) for name in machines]
        for past in pasts:
            past.walks = {code: walk(past.rng, price, CHART_DAYS + days) for code, _, price in ETFS}
        for place, midnight in enumerate(midnights):
            for past in pasts:
                past.day(midnight, past.prices(CHART_DAYS + place), place >= days - minute_days)
        for past in pasts:
            past.charts({code: closes[days : CHART_DAYS + days] for code, closes in past.walks.items()}, midnights)
            past.present()
        db.execute("UPDATE channel SET last_ok = (SELECT max(sent) FROM outbox WHERE outbox.channel = channel.name)")


def trading_days(now, count):
    """Midnights in Shanghai of the last `count` Mondays to Fridays up to `now`."""
    midnight, found = int((now + 8 * 3600) // DAY * DAY - 8 * 3600), []
    while len(found) < count:
        if datetime.datetime.fromtimestamp(midnight, SHANGHAI).weekday() < 5:
            found.append(midnight)
        midnight -= DAY
    return found[::-1]


def walk(rng, price, count):
    closes = []
    for _ in range(count):
        price *= math.exp(rng.gauss(0.0001, 0.011))
        closes.append(round(price, 3))
    return closes


class Past:
    """What one machine has posted so far."""

    def __init__(self, db, name, rng, now):
        self.db, self.name, self.rng, self.now = db, name, rng, now
        self.cash, self.cost = 260_000.0, {code: price for code, _, price in ETFS}
        self.shares = {code: int(60_000 / price / 100) * 100 for code, _, price in ETFS}
        self.buckets, self.deals = {}, []

    def prices(self, place):
        """{code: (yesterday's close, today's)}"""
        return {code: closes[place - 1 : place + 1] for code, closes in self.walks.items()}

    def day(self, midnight, prices, in_minutes):
        """One trading day from yesterday's close to today's."""
        text = f"{datetime.datetime.fromtimestamp(midnight, SHANGHAI):%Y%m%d}"
        self.deals = []
        for code, (before, close) in prices.items():
            if self.rng.random() < 0.35:
                self.trade(text, midnight, code, before, close)
        self.samples(midnight, prices, in_minutes)
        self.archive(text, min(self.now, midnight + 15 * 3600), prices)
        self.host(midnight, in_minutes)
        if self.rng.random() < 0.3:
            self.incident(midnight)
        self.event(midnight + 9 * 3600 - 120, "host.started", {"reason": "boot"})
        self.event(midnight + 15 * 3600 + 1200, "host.stopping", {"reason": "shutdown-task"})

    def trade(self, day, midnight, code, before, close):
        """Buys what fell and sells what rose, at a time of the session; one in ten is not filled."""
        buys = close < before
        at = midnight + self.rng.randrange(9 * 3600 + 2000, 11 * 3600 + 1500)
        shares, price = int(8_000 / close / 100) * 100, round((before + close) / 2, 3)
        if at > self.now or (buys and self.cash < shares * price) or (not buys and self.shares[code] < shares):
            return
        flag = f"{day}-{code[:6]}-{'B' if buys else 'S'}-01"
        filled = self.rng.random() < 0.9
        data = {"code": code, "side": "B" if buys else "S", "shares": shares, "price": price, "yuan": shares * price}
        data.update({"name": name_of(code), "filled": shares if filled else 0, "average": price})
        if not filled:
            data["reason"] = "超过 60 秒没有成交，已撤"
        self.db.execute(
            "INSERT OR REPLACE INTO orders (machine, flag, day, state, line, placed, at, said, rejected, data)"
            " VALUES (?, ?, ?, ?, 4, ?, ?, ?, 0, ?)",
            (self.name, flag, day, "filled" if filled else "cancelled", at, at + 41, at, dump(data)),
        )
        if filled:
            self.shares[code] += shares if buys else -shares
            self.cash += (-1 if buys else 1) * shares * price
            self.deal(day, at + 12, code, buys, shares, price, flag)

    def deal(self, day, at, code, buys, shares, price, flag):
        number = self.rng.randrange(10**7, 10**8)
        time_text = f"{datetime.datetime.fromtimestamp(at, SHANGHAI):%H%M%S}"
        row = {
            "代码": code[:6],
            "名称": name_of(code),
            "投资备注": flag,
            "合同编号": str(number),
            "订单编号": f"T{number}",
        }
        row.update({"成交均价": price, "成交量": shares, "成交额": round(shares * price, 2), "手续费": 0.6})
        row.update({"买卖": "买入" if buys else "卖出", "时间": time_text, "日期": day})
        self.deals.append(row)
        self.db.execute(
            "INSERT OR REPLACE INTO deal VALUES (?, ?, ?, ?, ?)", (self.name, day, f"T{number}|{number}", dump(row), at)
        )

    def samples(self, midnight, prices, in_minutes):
        """Prices move from yesterday's close to today's with some noise; the account follows."""
        for hour, minute in TRADING:
            at = midnight + hour * 3600 + minute * 60
            if (
                at > self.now
                or (hour, minute) > (11, 35)
                and hour < 13
                or not in_minutes
                and minute not in (25, 30, 59)
            ):
                continue
            share = (at - midnight - 9.4 * 3600) / (5.6 * 3600)
            now = {
                code: (before + (close - before) * share) * (1 + self.rng.gauss(0, 0.0004))
                for code, (before, close) in prices.items()
            }
            market = sum(self.shares[code] * price for code, price in now.items())
            values = {"account.market": market, "account.cash": self.cash, "account.asset": market + self.cash}
            values["account.profit"] = market - sum(self.shares[c] * self.cost[c] for c in now)
            values.update({f"price/{code[:6]}": price for code, price in now.items()})
            self.keep(values, at, in_minutes)
        self.flush()

    def host(self, midnight, in_minutes):
        """The PC runs from 8:58 to 15:20."""
        memory = self.rng.uniform(44, 52)
        for minute in range(8 * 60 + 58, 15 * 60 + 20, 1 if in_minutes else 20):
            at = midnight + minute * 60
            if at > self.now:
                break
            cpu = min(97.0, abs(self.rng.gauss(9, 4)) + (45 if self.rng.random() < 0.02 else 0))
            memory += self.rng.gauss(0.01, 0.15)
            values = {"host.cpu": cpu, "host.memory": memory, "host.disk": 118e9 - (at - self.now) * 400.0}
            values.update({"host.outbox": float(self.rng.random() < 0.03), "host.offset": self.rng.gauss(0.2, 0.1)})
            values.update({"qmt.rss": 640e6 + minute * 2e5 + self.rng.gauss(0, 5e6), "qmt.cpu": cpu * 0.4})
            self.keep(values, at, in_minutes)
        self.flush()

    def keep(self, values, at, in_minutes):
        for step in (60, 3600, DAY) if in_minutes else (3600, DAY):
            bucket = int((at + 8 * 3600) // step * step - 8 * 3600)
            for series, value in values.items():
                low, high, _ = self.buckets.get((series, step, bucket), (value, value, value))
                self.buckets[series, step, bucket] = (min(low, value), max(high, value), value)

    def flush(self):
        rows = [(self.name, *key, *self.buckets[key]) for key in sorted(self.buckets)]
        self.db.executemany("INSERT OR REPLACE INTO sample VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
        self.buckets = {}

    def archive(self, day, at, prices):
        data = {"accounts": [self.account(prices)], "positions": self.positions(prices), "orders": []}
        self.last = (day, data)
        self.db.execute(
            "INSERT OR REPLACE INTO archive VALUES (?, ?, 'heartbeat', ?, ?)", (self.name, day, at, dump(data))
        )

    def account(self, prices):
        market = sum(self.shares[code] * close for code, (_, close) in prices.items())
        profit = market - sum(self.shares[code] * self.cost[code] for code in prices)
        return {
            "账号": "6688", "总资产": round(market + self.cash, 2), "可用金额": round(self.cash, 2),
            "总市值": round(market, 2), "总盈亏": round(profit, 2),
        }  # fmt: skip

    def positions(self, prices):
        rows = []
        for code, (_, close) in prices.items():
            shares, cost = self.shares[code], self.cost[code]
            rows.append({
                "代码": code[:6], "名称": name_of(code), "市场": code[7:], "股数": shares, "可用股数": shares,
                "成本价": cost, "最新价": close, "市值": round(shares * close, 2),
                "盈亏": round(shares * (close - cost), 2),
            })  # fmt: skip
        return rows

    def incident(self, midnight):
        kind, name, what, well, detail, todo, priority, one_off = self.rng.choice(INCIDENTS)
        at = midnight + self.rng.randrange(9 * 3600 + 2000, 14 * 3600)
        lasted = self.rng.randrange(60, 2400)
        if at + lasted > self.now:
            return
        message = self.message("alert", f"{'ℹ️' if one_off else '❗'} {what} · {self.name}", detail, at + 5)
        self.db.execute(
            "INSERT INTO incident (machine, kind, name, opened, since, seen, what, well, detail, todo, mark, priority,"
            " one_off, count, last, resolved, message, reminded) VALUES (?,?,?,?,?,?,?,?,?,?,'❗',?,?,1,?,?,?,0)",
            (self.name, kind, name, at, at, at, what, well, detail, todo, priority, one_off, at, at + lasted, message),
        )
        if not one_off:
            self.message("recovery", f"✅ 已恢复：{well} · {self.name}", f"历时 {lasted // 60} 分", at + lasted)

    def message(self, kind, title, body, at):
        number = self.db.execute(
            "INSERT INTO message (kind, machine, priority, title, body, tail, created) VALUES (?, ?, 1, ?, ?, '', ?)",
            (kind, self.name, title, body, at),
        ).lastrowid
        for channel in ("wecom", "pushplus"):
            self.db.execute(
                "INSERT INTO outbox (message, channel, priority, due, state, tries, provider_id, created, tried, sent)"
                " VALUES (?, ?, 1, ?, 'sent', 1, ?, ?, ?, ?)",
                (number, channel, at, hashlib.sha256(title.encode()).hexdigest()[:12], at, at, at + 1),
            )
        return number

    def event(self, at, kind, data):
        if at <= self.now:
            values = (self.name, f"{kind}-{at}", kind, "r", 1, at, at, at, dump(data))
            self.db.execute("INSERT OR REPLACE INTO event VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", values)

    def charts(self, closes, midnights):
        """The strategy's close series, up to the day before the last."""
        first = midnights[-1] - CHART_DAYS * 7 // 5 * DAY - 7 * DAY
        dates = [
            f"{moment:%Y%m%d}"
            for moment in (datetime.datetime.fromtimestamp(at, SHANGHAI) for at in range(first, midnights[-1], DAY))
            if moment.weekday() < 5
        ][-CHART_DAYS:]
        for code, prices in closes.items():
            lines = ["date,close,average,lower,upper"]
            for place, (date, close) in enumerate(zip(dates, prices[-len(dates) - 1 : -1])):
                mean = sum(prices[place - AVERAGE + 1 : place + 1]) / AVERAGE if place >= AVERAGE else 0.0
                more = f"{mean:.4f},{mean * 0.95:.4f},{mean * 1.06:.4f}" if mean else ",,"
                lines.append(f"{date},{close:.4f},{more}")
            content = ("\n".join(lines) + "\n").encode()
            self.db.execute(
                "INSERT OR REPLACE INTO file VALUES (?, 'strategy', ?, '', ?, ?)",
                (self.name, f"chart-{code}.csv", content, midnights[-1] + 9 * 3600 + 1500),
            )

    def present(self):
        """The machine as it stood at its last post."""
        day, data = self.last
        beat = {
            "cpu": 8.0, "memory": 47.0, "disk_free": 118e9, "boot_at": self.now - 7200, "clock_offset": 0.2,
            "outbox": {"waiting": 0, "dropped": 0, "superseded": 12, "rejected": 0}, "version": "0.1",
            "workers": {"spool": 0.2, "flags": 0.3, "qmt": 1.1, "sender": 0.5, "host": 1.0},
            "limits": {"spool": 10, "flags": 10, "qmt": 30, "sender": 90, "host": 10}, "restarts": {"qmt": 1},
        }  # fmt: skip
        now = self.now - 3
        self.db.execute(
            "INSERT OR REPLACE INTO machine (name, run, heard, heard_since, waiting, drained, beat_at, beat, mode,"
            " mode_why, mode_at, mode_chosen) VALUES (?, 'r', ?, ?, 0, ?, ?, ?, 'live', '', ?, 0)",
            (self.name, now, now - 7000, now, now, dump(beat), now - 60),
        )
        source = "INSERT OR REPLACE INTO source (machine, kind, name, behind, last_seen, received, state, state_since,"
        source += " last_well, up_since, tick_fresh, data) VALUES (?, ?, ?, 1, ?, ?, ?, ?, ?, ?, ?, ?)"
        process = dump({"name": "XtItClient.exe", "state": "running"})
        times = (now, now, "running", now - 6900, now, now - 6900, now)
        self.db.execute(source, (self.name, "qmt.process", "", *times, process))
        said = {**data, "strategy": "heartbeat", "deals": self.deals, "logged_in": True, "day": day}
        said.update({"tick_at": now - 2, "tick_code": "510300.SH"})
        self.db.execute(source, (self.name, "qmt.heartbeat", "heartbeat", *times, dump(said)))


def name_of(code):
    return next(name for known, name, _ in ETFS if known == code)


def dump(value):
    return json.dumps(value, ensure_ascii=False)
