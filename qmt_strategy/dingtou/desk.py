"""The orders of one home: flag files, ledger, books and grid state kept in step with what is observed.

Every change is on the disk before it counts, in an order that a crash at any line leaves explainable. A write that
fails blocks all new intents until a probe succeeds; what could not be written is written then. Nothing here places or
cancels an order: that is trader.py's.
"""

import collections
import os
from typing import Any, Callable, Dict, List, Optional, Set

from . import checkup, disk, gridstate, ids, ledger, lookout, lost, notices, orders, plan, rows, settle, sizing
from .book import Account, Book, Trace
from .flags import Flag, FlagBook
from .gridfile import GridFile
from .looks import Look, OrderRow

PROBE_EVERY = 5.0  # seconds between probes of a disk that refused


class Desk:
    """`now()` is epoch seconds; `codes` are the funds ('510300.SH')."""

    def __init__(self, home: str, now: Callable[[], float], teller: notices.Teller, codes: List[str]) -> None:
        self.home = home
        self.now = now
        self.teller = teller
        self.codes = codes
        self.day = ""
        self.flags = FlagBook(home, now)
        self.ledger = ledger.Ledger(home)
        self.book = Book(home)
        self.grid_file = GridFile(home)
        self.watch = lookout.Watch()
        self.rows: Dict[str, OrderRow] = {}  # the newest row of each order of ours
        self.row_since: Dict[str, float] = {}  # when that was first seen
        self.held: Set[str] = set()  # six digits that POSITION has shown today
        self.trouble = ""  # what the disk said when it refused; '' = it takes writes
        self._probed = float("-inf")
        self._loaded = False  # before that nothing in memory may be written over the disk
        self._unwritten: Set[str] = set()  # flags with lines that the disk did not take
        self._searches: Dict[str, lookout.Search] = {}

    # ---- a day

    def begin(self, day: str) -> None:
        """Read everything at the first call of a day and after each init. Raises OSError: try again later."""
        disk.make_folder(self.home)
        if self.trouble and self._loaded:
            self._write_all()  # what is only in memory must not be forgotten
        self._loaded = False
        self.book.load()
        self.ledger.load()
        self.grid_file.load()
        self.flags.load(self._needed_since())
        self._loaded = True
        self.rows = {}
        self.row_since = {}
        self.held = set()
        self._searches = {}
        self.day = day
        lost.restore(self)
        lost.tell_damaged(self)
        lost.mend_starts(self)
        self._count_lost_rows()

    def _count_lost_rows(self) -> None:
        """The ledger only grows: book.json and the lines of flag files say how many rows it had."""
        recent = [flag for flag in self.flags.flags.values() if flag.id.day > self.book.lost_day]
        lost = max([self.book.rows] + [int(flag.number("rows")) for flag in recent]) - len(self.ledger.entries)
        if lost > 0:
            self.book.lost_day = self.day
            self.stop_all("成交记录少了 %d 行，今天不再下单。请核对持仓；别动哨兵文件夹里的 deals" % lost)

    def _needed_since(self) -> str:
        """The first day whose flag files matter; '' = all, where books or grid state must perhaps be rebuilt."""
        whole = all(code in self.book.accounts and code in self.grid.cells for code in self.codes)
        return min([account.day for account in self.book.accounts.values()] or [""]) if whole else ""

    # ---- writing

    def write(self, function: Callable[..., Any], *args: Any) -> bool:
        """function(*args), a write; False, and no new intents, where the disk refuses."""
        try:
            function(*args)
            return True
        except OSError as error:
            self.refused(error)
            return False

    def refused(self, error: OSError) -> None:
        """The disk said no: no new intents until a probe succeeds."""
        self.trouble = str(error)[:200] or "OSError"
        self.teller.refused("write", "读写磁盘失败：%s" % disk.why(error), error, on=True)

    def probe(self) -> None:
        """After a refusal: try again now and then; when everything is on the disk, intents may go on."""
        now = self.now()
        if not self.trouble or 0 <= now - self._probed < PROBE_EVERY:
            return
        self._probed = now
        if self.write(self._write_all):
            self.teller.tell(notices.DISK, "磁盘又能读写了", on=False)

    def _write_all(self) -> None:
        """A probe, and everything that the disk refused before. Raises OSError."""
        for function, *arguments in self._jobs():
            function(*arguments)
        self.trouble = ""
        self._unwritten.clear()
        self.teller.forget("write", notices.DISK)

    def _jobs(self) -> List[Any]:
        jobs: List[Any] = [(disk.make_folder, os.path.join(self.home, "state"))]
        jobs.append((disk.probe, os.path.join(self.home, "state")))
        if not self._loaded:
            return jobs
        # book.json last: it says that a fund is reconciled, and a crash in between must find the flags that say how.
        jobs.append((self.ledger.flush,))
        if self.grid_file.unsaved:
            jobs.append((self.grid_file.save,))
        jobs.extend((self.flags.rewrite, self.flags.flags[name]) for name in sorted(self._unwritten))
        jobs.append((self.save_book,))
        jobs.append((checkup.readable, self))
        return jobs

    def unwritten(self, flag: Flag) -> bool:
        return flag.name in self._unwritten

    def note_unwritten(self, flag: Flag) -> None:
        """Its file lacks something: the next probe that succeeds writes it."""
        self._unwritten.add(flag.name)

    def intend(self, ident: ids.Id, line: Dict[str, Any]) -> Optional[Flag]:
        """The flag file with its first line, then its trace in book.json; None, and no passorder, if anything fails."""
        code = str(line["code"])
        try:
            flag = self.flags.create(ident, line)
        except FileExistsError:  # another copy was faster, or the disk holds what we do not know
            self.flags.load_day(self.day)
            return None
        except OSError as error:  # the file may exist all the same, with a whole first line
            flag = self.flags.flags[ident.text] = Flag(ident, [line])
            self.refused(error)
            self.append(flag, state=orders.VOID, reason="写不进委托记录，没有下单")
            return None
        account = self.book.accounts[code]
        trace = Trace(ident.text, str(line["root"]), int(line["cell"]), int(line["shares"]), float(line["yuan"]))
        self.book.accounts[code] = account._replace(traces=account.traces + [trace])
        if not self.write(self.save_book):
            self.append(flag, state=orders.VOID, reason="写不进持仓账，没有下单")
            return None
        return flag

    def append(self, flag: Flag, **line: Any) -> None:
        """One more line of a flag file."""
        known = dict({"state": flag.order.state, "at": round(self.now(), 3), "rows": self.ledger.written}, **line)
        try:
            self.flags.append(flag, known)
        except FileNotFoundError:  # deleted behind our back
            checkup.flags(self)
        except OSError as error:
            self.refused(error)
            self.note_unwritten(flag)

    # ---- observing

    def observe(self, look: Look) -> None:
        """What a good look says about our orders."""
        self.held.update(code for code, holding in look.holdings.items() if holding.volume)
        self.take_deals(look.deals)
        matched = set()
        others = set()  # codes of other people's orders whose outcome is not booked
        remarks = collections.Counter(row.remark for row in look.orders)
        for row in look.orders:
            flag = self.flag_of(row, remarks[row.remark] == 1) or lost.adopt(self, row)
            if flag is not None:
                matched.add(flag.name)
                self.take_row(flag, row)
            elif row.day in ("", self.day) and not self._all_booked(row):
                others.add(row.code)
            if flag is None and row.remark in self.flags.flags and row.day in ("", self.day):
                words = "QMT 里有两笔委托的备注都是 %s，今天不再下单。请在 QMT 里核对这两笔" % row.remark
                self.stop(self.full(row.code), words)
        for flag in list(self.flags.flags.values()):
            if flag.id.day == self.day and flag.order.state in (orders.INTENT, orders.SENT, orders.WORKING):
                if flag.name in matched:
                    self._searches.pop(flag.name, None)
                elif self._searches.setdefault(flag.name, lookout.Search(self.watch)).missed():
                    self.record(flag, orders.Seen(orders.LOST))
        for flag in self.today() if others else ():
            # Tomorrow POSITION cannot tell what this order did from what the other one did.
            if flag.id.code in others and not flag.ended and not flag.get("others"):
                self.append(flag, others=True)

    def _all_booked(self, row: OrderRow) -> bool:
        """Somebody else's order is at its end, with all its deals in the ledger."""
        known, _ = self.ledger.volume_of(row.code, row.remark, row.sysid, self.day)
        return row.status in rows.FINAL and known >= row.traded

    def take_deals(self, deals: List[Dict[str, Any]]) -> None:
        unknown = [row for row in deals if not self.ledger.knows(row, self.day)]
        entries = [entry for entry in (ledger.from_deal(row, self.day) for row in unknown) if entry is not None]
        checked = checkup.sound(self, checkup.deals)
        new = self.ledger.take(entries)
        if new and checked:
            self.write(self.ledger.flush)
        for flag in self.today():
            self.take_booked(flag)
        if new and not self.trouble:
            self._count_new(new)

    def _count_new(self, entries: List[ledger.Entry]) -> None:
        """Rows that are lost together with this process must be missed: something else on the disk says how many."""
        mine = [flag for flag in self.today() if any(flag.name == entry.remark for entry in entries)]
        if not mine:
            self.count_rows()
        elif all(int(flag.number("rows")) < self.ledger.written for flag in mine):
            self.append(mine[-1])

    def take_booked(self, flag: Flag) -> None:
        """What the ledger says about an order."""
        volume, average = self.ledger.volume_of(flag.code, flag.name, flag.order.sysid, flag.id.day)
        if volume and (volume > flag.order.filled or flag.order.state in orders.UNSEEN):
            self.record(flag, orders.Seen(orders.DEALT, volume, average))

    def deals_agree(self, flag: Flag) -> bool:
        """Whether the ledger has exactly what an order is said to have filled."""
        volume, _ = self.ledger.volume_of(flag.code, flag.name, flag.order.sysid, flag.id.day)
        return volume == flag.order.filled

    @staticmethod
    def oversized(flag: Flag, row: OrderRow) -> bool:
        """Whether the counter has far more shares than were asked for: the rest is cancelled, the fund stops."""
        asked = flag.lines and not flag.get("adopted") and flag.order.expected > 0
        return bool(asked) and row.volume > sizing.most_shares(flag.order.expected, True)

    def take_row(self, flag: Flag, row: OrderRow) -> None:
        """An ORDER row or order_callback of `flag`."""
        self.rows[flag.name] = row
        self.row_since.setdefault(flag.name, self.now())
        kind = orders.kind_of(row.status)
        if kind == orders.WITHDRAWN and not (row.sure and (row.traded or row.status != orders.PART_CANCELLED)):
            kind = orders.ALIVE  # how much of it was traded is not known yet: the rest must not be bought again
        filled = row.traded or (row.volume if kind == orders.DONE else 0)
        if self.oversized(flag, row):
            words = "委托 %s 要的是 %d 股，QMT 里却是 %d 股，今天不再下单。请马上在 QMT 里核对" % (
                flag.name,
                flag.order.expected,
                row.volume,
            )
            self.stop(self.full(row.code), words)
        reason = row.reason if kind == orders.REFUSED else ""
        self.record(flag, orders.Seen(kind, filled, row.average, row.sysid, reason))

    def flag_of(self, row: OrderRow, alone: bool = False) -> Optional[Flag]:
        """Our order that a row is: by its remark, else by the sysid once recorded, on the same day.

        `alone`: no other row of the same look has this remark; then a counter that numbers it anew is believed.
        """
        if row.day not in ("", self.day):
            return None
        flag = self.flags.flags.get(row.remark)
        if flag is not None:
            same = flag.id.day == self.day and flag.id.code == row.code
            return flag if same and (alone or row.sysid in ("", flag.order.sysid or row.sysid)) else None
        if row.remark or not row.sysid:
            return None
        for flag in self.today():
            if flag.order.sysid == row.sysid and flag.id.code == row.code and row.buy in (None, flag.buy):
                return flag
        return None

    def record(self, flag: Flag, seen: orders.Seen) -> None:
        """One observation of an order: the machine's next state, on the disk, and told."""
        found_before = flag.order
        found = orders.step(found_before, seen)
        if not found.changed:
            return
        order = found.order
        line: Dict[str, Any] = {
            "state": order.state,
            "filled": order.filled,
            "average": round(order.average, 6),
            "sysid": order.sysid,
        }
        if order.reason:
            line["reason"] = order.reason
        if order.by:
            line["by"] = order.by
        if flag.settled and order.filled and not found_before.filled:
            line["settled"] = False  # it was settled as one that did nothing: its fill moves the grid state after all
        if order.state in orders.ENDED:
            line["ended_at"] = round(self.now(), 3)
        if orders.TELL_LATE in found.actions:
            line["late"] = True
        # An order of an earlier day stops its fund while it is unknown; the owner's word and POSITION open it again.
        if orders.STOP_FUND in found.actions and flag.id.day == self.day:
            line["stop"] = self.day
        self.append(flag, **line)
        settle.tell(self.teller, flag, found.actions)

    # ---- questions

    def full(self, code: str) -> str:
        """'510300.SH' of '510300'; the six digits where it is no fund of ours."""
        return next((known for known in self.codes if known[:6] == code[:6]), code)

    def today(self) -> List[Flag]:
        return [flag for flag in self.flags.flags.values() if flag.id.day == self.day]

    def unended(self) -> List[Flag]:
        return [flag for flag in self.flags.flags.values() if not flag.ended]

    def stopped(self, code: str) -> str:
        """Why a fund gets no intent today, in Chinese; '' = it may."""
        if self.ledger.problem:
            return self.ledger.problem + "，所有基金停止下单。请修好或移走它，再重新运行策略：在哨兵文件夹的 deals 里"
        if self.grid.problem:
            return self.grid.problem
        account = self.book.accounts.get(code)
        if account is not None and account.stop_day == self.day:
            return account.stop_why
        if self.other_account(code):
            words = "资金账号换了，这只基金的账是原账号的，停止下单。"
            return words + "请改回原账号；或核对持仓，再在 sentry.ini 写 start_cell = 格子号 当天日期"
        for flag in self.flags.of(code):
            if flag.stops(self.day):
                words = "委托 %s 结果不明或今天才查明，今天不再下单。仍不明，就右键点哨兵图标，选“处理未知委托”"
                return words % flag.name
        return ""

    # ---- books and grid state

    def other_account(self, code: str) -> bool:
        """Whether this fund's books are those of another account than the one in sentry.ini."""
        account = self.book.accounts.get(code)
        return account is not None and account.owner not in ("", self.book.account)

    def stop(self, code: str, words: str) -> None:
        """No intent of this fund today, a restart of QMT included."""
        account = self.book.accounts.get(code)
        if account is not None and account.stop_day != self.day:
            self.book.accounts[code] = account._replace(stop_day=self.day, stop_why=words)
            self.write(self.save_book)
        notices.tell_stopped(self.teller, code, words)

    def stop_all(self, words: str) -> None:
        """`stop` for every fund that has started to trade."""
        for code in self.codes:
            if code in self.book.accounts:
                self.stop(code, words)

    def late(self, code: str) -> List[plan.Late]:
        """Ex-dates before today whose adjustment factors had not come when they began."""
        account = self.book.accounts.get(code)
        return [plan.Late(day, float(price)) for day, price in account.late if day < self.day] if account else []

    def note_late(self, code: str, made: plan.Plan) -> None:
        """Remember that today's factor is late; forget the earlier ones once the bars agree, or are too old to show."""
        account = self.book.accounts.get(code)
        if account is None:
            return
        kept = list(self.late(code)[-5:]) if not made.average else []
        if made.late:
            kept.append(plan.Late(self.day, made.late))
        found = [tuple(entry) for entry in kept]
        if found != [tuple(entry) for entry in account.late]:
            self.book.accounts[code] = account._replace(late=found)
            self.write(self.save_book)

    def decided(self, code: str) -> None:
        """The rule was asked about this fund, with `decide = once`: not again today, a restart included."""
        account = self.book.accounts.get(code)
        if account is not None:
            self.book.accounts[code] = account._replace(decided=self.day)
            self.write(self.save_book)

    def rebase(self, code: str, shares: int) -> None:
        """POSITION before today's trades is `shares`; traces of ended and settled orders of earlier days go."""
        start = self.book.last_start(code).day
        before = self.book.accounts.get(code, Account(0, "", [], started=start))
        self.book.accounts[code] = before._replace(shares=shares, day=self.day, traces=self._kept(before.traces))
        self.write(self.save_book)

    def _kept(self, traces: List[Trace]) -> List[Trace]:
        flags = [(trace, self.flags.flags.get(trace.id)) for trace in traces]
        return [trace for trace, flag in flags if flag is None or flag.id.day == self.day or not flag.ended]

    @property
    def grid(self) -> gridstate.GridState:
        return self.grid_file.state

    def move_grid(self, code: str, cell: int, by: str) -> bool:
        """The fund's last trade was in `cell`, by the order `by` (or 'start'); whether that is on the disk."""
        checkup.grid(self)
        self.grid_file.state = gridstate.moved(self.grid, code, gridstate.Cell(cell, self.day, by))
        if not self.write(self.grid_file.save):
            return False
        account = self.book.accounts.get(code)
        if account is not None:  # after the move: a crash in between leaves the witness older, which proves nothing
            self.book.accounts[code] = account._replace(moved=(by, self.day, cell))
            self.write(self.save_book)
        return True

    def last_trace(self, code: str) -> str:
        """The last day that flag files, ledger or books show this fund was traded; '' = no trace of it at all."""
        days = [flag.id.day for flag in self.flags.of(code)]
        days.append(self.ledger.last_own_day(code))
        days.append(self.book.last_start(code).day)
        if code in self.book.accounts:
            days.append(self.book.accounts[code].started)
        return max(days)

    def drop_cell(self, code: str) -> bool:
        """Where this fund stands is not known any more; whether that is on the disk."""
        cells = {known: cell for known, cell in self.grid.cells.items() if known != code}
        self.grid_file.state = self.grid._replace(cells=cells)
        return self.write(self.grid_file.save)

    def count_rows(self) -> None:
        """Let book.json know how many rows the ledger has: once a minute, so that a fill costs no further write."""
        if self.book.accounts and self.book.rows != self.ledger.written and not self.trouble:
            self.write(self.save_book)

    def save_book(self) -> None:
        """Write book.json; raises OSError. A file that was lost behind our back is told first."""
        if not self._loaded:
            raise OSError("state/book.json has not been read yet")
        checkup.book(self)
        self.book.rows = self.ledger.written
        self.book.save()
