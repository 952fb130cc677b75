#coding:gbk
# QMT Sentry's ETF grid strategy: mount this script in QMT (model trading, live) once, on one chart. Nothing in it needs
# editing: its settings stand in sentry.ini. As installed it only observes; live trading is switched on there.
#
# Pure ASCII on purpose: the gbk cookie is what QMT's editor expects, and ASCII survives every editor and repository.
# Python 3.6, one thread, no __file__; all work is done by the dingtou package.

import os
import sys

NEEDS = 2  # the oldest dingtou.VERSION that will do
SCRIPT = 2  # the dingtou.trader.SCRIPT that this script belongs to
_trader = None


def _say(text):
    try:
        print(text)
    except Exception:  # the output window cannot show it, and nobody else can be told
        pass


def _home():
    # The same rule as dingtou/home.py, needed here to find dingtou itself.
    named = os.environ.get("QMT_SENTRY_HOME", "").strip()
    if named:
        return os.path.abspath(os.path.expanduser(named))
    local = os.environ.get("LOCALAPPDATA", "").strip()
    if local:
        return os.path.join(local, "QMTSentry")
    return os.path.join(os.path.expanduser("~"), ".local", "share", "qmt-sentry")


def _load():
    try:
        import dingtou
    except ImportError:
        # Not in QMT's site-packages: the sentry's home is the second place.
        if _home() not in sys.path:
            sys.path.append(_home())
        import dingtou
    mismatch = ""
    try:
        dingtou.require(NEEDS)
    except ImportError as error:
        mismatch = str(error)
    from dingtou import trader

    return trader.Trader(globals(), SCRIPT, mismatch)


def init(ContextInfo):
    global _trader
    _trader = None
    try:
        _trader = _load()
    except Exception as error:  # nothing may be raised into QMT: it would stop the strategy without a word
        # "[QMT Sentry] the ETF grid cannot run, no order is placed: the dingtou package cannot be used (...). Run the
        # installer again, then restart QMT."
        _say(
            "[QMT \u54e8\u5175] ETF \u7f51\u683c\u65e0\u6cd5\u8fd0\u884c\uff0c\u4e0d\u4f1a\u4e0b\u5355\uff1a"
            "dingtou \u7a0b\u5e8f\u5305\u7528\u4e0d\u4e86\uff08%s\uff09\u3002\u8bf7\u91cd\u65b0\u8fd0\u884c"
            "\u54e8\u5175\u7684\u5b89\u88c5\u7a0b\u5e8f\uff0c\u7136\u540e\u91cd\u542f QMT\u3002" % error
        )
        return
    _trader.init(ContextInfo)


def handlebar(ContextInfo):
    if _trader is not None:
        _trader.handlebar(ContextInfo)


def order_callback(ContextInfo, orderInfo):
    if _trader is not None:
        _trader.order_callback(ContextInfo, orderInfo)


def deal_callback(ContextInfo, dealInfo):
    if _trader is not None:
        _trader.deal_callback(ContextInfo, dealInfo)


def orderError_callback(ContextInfo, orderArgs, errMsg):
    if _trader is not None:
        _trader.orderError_callback(ContextInfo, orderArgs, errMsg)
