"""Before any order of a fund in a session: does POSITION agree, is the grid state what the fills justify?

The pure part is reconcile.py. A mismatch counts only when it has lasted: POSITION and DEAL are refreshed apart.
"""

from typing import Callable, Dict, List, Optional, Set, Tuple

from . import checkup, control, gridstate, ids, ledger, lookout, notices, orders, proofs, reconcile, settle
from .book import Account, Start
from .desk import Desk
from .flags import Flag
from .looks import Look
from .params import Fund

LASTS = 60.0  # seconds that a mismatch must last
LOOKS = 3
RECHECK = 60.0  # seconds between checks of a fund that is stopped by its mismatch

_WAIT = "正在核对持仓，还不能下单"


class Morning:
    """`splits(code, after, until)` gives the split factors of the days after `after` up to `until`."""

    def __init__(self, desk: Desk, steady: lookout.Steady, splits: Callable[[str, str, str], List[float]]) -> None:
        self.steady = steady
        self._desk = desk
        self._splits = splits
        self._ready: Set[str] = set()
        # code -> (steady seconds when first seen, looks, what was seen)
        self._mismatch: Dict[str, Tuple[float, int, reconcile.Verdict]] = {}
        self._why: Dict[str, str] = {}  # code -> what POSITION contradicts, Chinese
        self._again: Dict[str, float] = {}  # code -> steady seconds from when a lasting mismatch is looked at again

    def why_not(self, fund: Fund) -> str:
        """Chinese; '' = the fund's books are in order today."""
        return "" if fund.code in self._ready else self._why.get(fund.code, _WAIT)

    def busy(self, funds: List[Fund]) -> bool:
        """Whether every call must look: a fund's check is under way."""
        return any(fund.code not in self._ready and self._due(fund.code) for fund in funds)

    def _due(self, code: str) -> bool:
        return not self._again.get(code, 0.0) - RECHECK <= self.steady.seconds < self._again.get(code, 0.0)

    def check(self, fund: Fund, look: Look) -> None:
        """One good look: reconcile, where that is still due today."""
        if fund.code in self._ready or self.steady.seconds < lookout.SETTLE or not self._due(fund.code):
            return
        if self._desk.ledger.problem:
            return  # told by Desk.stopped
        desk = self._desk
        account, lost = self._account(fund)
        if account is not None and desk.other_account(fund.code):
            self._take_answers(fund.code)  # POSITION is another account's: it proves nothing of this one's orders
            return
        if account is None:
            if not may_start(desk, fund):
                self._again[fund.code] = self.steady.seconds + RECHECK
            return
        if (account.day != desk.day or lost) and not self._reconcile(fund, account, look):
            return
        if lost:
            words = "%s，已按委托和成交重建，今天不再下单。请核对持仓" % (desk.book.problem or "持仓账丢了")
            desk.stop(fund.code, words)
        for chain in settle.chains(desk.flags.of(fund.code)):
            if settle.pending(chain) and chain[-1].id.day != desk.day:
                settle.settle(desk, chain)
                if settle.pending(chain):
                    return  # the disk refuses: the fund waits
        self._check_grid(fund)
        self._ready.add(fund.code)

    def _account(self, fund: Fund) -> Tuple[Optional[Account], bool]:
        """(the fund's account, whether it had to be taken from started.jsonl); None: not started, or lost for good."""
        desk = self._desk
        account = desk.book.accounts.get(fund.code)
        if account is not None:
            return account, False
        start = desk.book.last_start(fund.code)
        if start.day:
            return Account(start.shares, start.day, [], started=start.day), True
        known = fund.code in desk.grid.cells or desk.last_trace(fund.code) or fund.code[:6] in desk.held
        if known and not may_start(desk, fund):
            words = "持仓账和起始记录都丢了，停止下单。"
            words += "请核对持仓，再在 sentry.ini 写 start_cell = 格子号 当天日期"
            desk.teller.once(fund.code, notices.STOPPED_FUND, "%s：%s" % (fund.code, words), code=fund.code)
        return None, False

    def _reconcile(self, fund: Fund, account: Account, look: Look) -> bool:
        desk = self._desk
        code = fund.code
        self._take_answers(code)
        known = desk.flags.of(code)
        flags = [flag for flag in known if flag.id.day >= account.day or not flag.ended]
        position = look.holding(code).volume
        verdict = reconcile.judge(
            account.shares,
            desk.ledger.signed(code, account.day, desk.day),
            self._splits(code, account.day, desk.day),
            position,
            [proofs.answered(desk, code, flags, flag) for flag in flags],
            proofs.nameless(desk, code, flags, {flag.id.day for flag in flags if proofs.is_open(desk, flag)}),
            sure=desk.book.lost_day < account.day,
        )
        # POSITION is loaded later than ACCOUNT: what it proves about an open order, nothing included, must last.
        certain = verdict.ok and not verdict.split and not any(proofs.is_open(desk, flag) for flag in flags)
        if not certain and look.position_day not in ("", desk.day):
            self._why[code] = "QMT 的持仓还是 %s 的，没有刷新，先不下单。请重启 QMT" % look.position_day
            desk.teller.once(code + " old", notices.STOPPED_FUND, "%s：%s" % (code, self._why[code]), code=code)
            return False
        if not certain and not (self._lasts(code, verdict)):
            return False
        if not verdict.ok:
            self._again[code] = self.steady.seconds + RECHECK
            self._tell_mismatch(code, flags, verdict.words)
            return False
        self._book(code, account, flags, verdict)
        if any(desk.unwritten(flag) for flag in flags):
            return False  # the disk refused: book.json must not say "reconciled" before the flags say how
        desk.rebase(code, position - desk.ledger.signed(code, desk.day, desk.day))
        return True

    def _tell_mismatch(self, code: str, flags: List[Flag], words: str) -> None:
        """Once a day, and again after an answer that does not agree; what had no end becomes `unknown`: to be asked."""
        desk = self._desk
        for flag in flags:
            if proofs.is_open(desk, flag) and flag.order.state != orders.UNKNOWN and flag.id.day != desk.day:
                desk.record(flag, orders.Seen(orders.LOST))
        answered = [flag.name for flag in flags if flag.order.by == "owner"]
        if answered and all(flag.ended for flag in flags):
            words += "。您对 %s 的答复与持仓不符：请核对，再在 sentry.ini 写 start_cell = 格子号 当天日期"
            words = words % "、".join(answered)
        else:
            words += "。请在 QMT 里核对；今天份额拆分的，明天会自动再核对"
            if not any(proofs.is_open(desk, flag) for flag in flags):
                words += "。要照现在的持仓继续，在 sentry.ini 写 start_cell = 格子号 当天日期"
        self._why[code] = words
        key = " ".join([code, "position"] + answered)
        desk.teller.once(key, notices.STOPPED_FUND, "%s：%s" % (code, words), code=code)

    def _lasts(self, code: str, verdict: reconcile.Verdict) -> bool:
        since, looks, before = self._mismatch.get(code, (self.steady.seconds, 0, verdict))
        if self.steady.seconds < since or before != verdict:  # the account was gone in between, or shows something else
            since, looks = self.steady.seconds, 0
        self._mismatch[code] = (since, looks + 1, verdict)
        return self.steady.seconds - since >= LASTS and looks + 1 >= LOOKS

    def _book(self, code: str, account: Account, flags: List[Flag], verdict: reconcile.Verdict) -> None:
        """Write what POSITION proved: ledger first, then the flags, so that a crash in between adds up again."""
        desk = self._desk
        entries = []
        for name, shares in sorted(verdict.fills.items()):
            flag = desk.flags.flags[name]
            entries.append(
                proofs.proved(flag.id.code, flag.buy, shares, flag.id.day, name, "%s-%s" % (ledger.PROVED, name))
            )
        if verdict.split:
            name = "%s-SPLIT-%s-%s" % (ledger.PROVED, desk.day, code[:6])
            day = proofs.day_before(desk.day, account.day)
            entries.append(proofs.proved(code[:6], verdict.split > 0, abs(verdict.split), day, "份额拆分", name))
            words = "%s 份额拆分，持仓变化 %+d 股，已记账" % (code, verdict.split)
            desk.teller.tell(notices.STATE, words, stage="split", code=code)
        if entries:
            desk.ledger.take(entries)
            desk.write(desk.ledger.flush)
        for flag in flags:
            if not flag.ended and flag.id.day != desk.day:
                volume, average = desk.ledger.volume_of(flag.code, flag.name, flag.order.sysid, flag.id.day)
                desk.record(flag, orders.Seen(orders.POSITION, volume, average))
            elif flag.name in verdict.fills:
                desk.take_booked(flag)

    def _take_answers(self, code: str) -> None:
        for flag in self._desk.flags.of(code):
            if flag.order.state == orders.UNKNOWN:
                take_answer(self._desk, flag)

    def _check_grid(self, fund: Fund) -> None:
        desk = self._desk
        code = fund.code
        if code not in desk.grid.cells and not desk.write(desk.flags.load_more, ""):
            return  # an older flag file may be the one that says where the fund stands
        filled = [flag for flag in desk.flags.of(code) if flag.order.filled > 0 and flag.ended and flag.settled]
        newest = filled[-1] if filled else None
        cell = desk.grid.cells.get(code)
        if cell is not None:
            other = (
                newest.name
                if newest is not None and proofs.contradicts(newest, cell)
                else proofs.newer(desk, code, cell)
            )
            if other:
                desk.drop_cell(code)
                desk.stop(code, "格子记录与%s矛盾，今天不再下单。请核对持仓" % _record(other))
            return
        start = desk.book.last_start(code)
        rebuilt = None
        if newest is not None and newest.id.day >= start.day:
            rebuilt = newest.get("grid")
        elif start.day:
            rebuilt = start.cell
        if not isinstance(rebuilt, int) or may_start(desk, fund):
            return
        booked = [known for known in map(ids.parse, desk.ledger.remarks(code)) if known is not None]
        since = newest.id.place if newest is not None else (start.day, 0)
        if any(known.place > since and known.text not in desk.flags.flags for known in booked):
            return  # a later order of ours filled, and its flag file is gone: nobody knows its cell
        desk.grid_file.state = desk.grid._replace(problem="")
        desk.move_grid(code, rebuilt, newest.name if newest is not None else "rebuilt")
        desk.stop(code, "格子记录丢了或读不懂，已按委托重建为第 %d 格，今天不再下单。请核对持仓" % rebuilt)


# ---- a fund's start


def may_start(desk: Desk, fund: Fund) -> bool:
    """The owner's start_cell counts now: a first run, or a choice dated after the fund's last trace."""
    if any(not flag.ended for flag in desk.flags.of(fund.code)):
        return False
    return gridstate.may_start(desk.grid, fund, desk.day, desk.last_trace(fund.code), fund.code[:6] in desk.held)


def unused_choice(desk: Desk, fund: Fund) -> str:
    """Chinese: the owner dated start_cell, and it was not taken because the fund traded on that day or later."""
    trace = desk.last_trace(fund.code)
    used = desk.book.last_start(fund.code).day
    if not fund.start_day or fund.start_day <= used or fund.start_day > trace:
        return ""
    words = "sentry.ini [fund:%s] start_cell 的日期 %s 没有采用，要在最近一次交易（%s）之后。请改成之后的交易日"
    return words % (fund.code, fund.start_day, trace)


def start(desk: Desk, fund: Fund, cell: int, look: Look) -> bool:
    """Trade a fund from `cell` on, as the owner chose; its POSITION is taken as right. False: the disk refuses."""
    code = fund.code
    position = look.holding(code).volume
    account = desk.book.accounts.get(code)
    if account is not None and not desk.other_account(code):
        strange = position - account.shares - desk.ledger.signed(code, account.day, desk.day)
        if strange:
            name = "%s-ADJUST-%s-%s" % (ledger.PROVED, desk.day, code[:6])
            desk.ledger.take([proofs.proved(code[:6], strange > 0, abs(strange), desk.day, "按您的选择对账", name)])
            if not desk.write(desk.ledger.flush):
                return False
    shares = position - desk.ledger.signed(code, desk.day, desk.day)
    if not desk.write(desk.book.add_start, Start(code, cell, shares, desk.day)):
        return False
    for flag in desk.flags.of(code):  # the owner's choice is newer than what they filled
        if flag.ended and not flag.settled:
            desk.append(flag, settled=True, grid=None)
    desk.book.accounts[code] = Account(0, "", [], started=desk.day, owner=desk.book.account)
    desk.rebase(code, shares)
    if not desk.move_grid(code, cell, "start"):
        return False
    words = "%s 开始交易：持仓 %d 股，起始格 %s" % (code, position, cell if cell else "无（还没交易过）")
    desk.teller.tell(notices.STATE, words, stage="started", code=code)
    return True


# ---- parts


def _record(by: str) -> str:
    """What stands against the grid state: an order's flag file, or the book, which has starts and rebuilds as well."""
    return "委托 %s 的记录" % by if ids.parse(by) is not None else checkup.BOOK


def take_answer(desk: Desk, flag: Flag) -> None:
    """The owner's word about an unknown order, where there is one."""
    answer = control.answer(desk.home, flag.name)
    if answer is None:
        return
    if answer.problem:
        desk.teller.once(flag.name, notices.SETTINGS, answer.problem, code=flag.code, flag=flag.name)
        return
    desk.record(flag, orders.Seen(answer.kind, answer.shares, answer.price))
