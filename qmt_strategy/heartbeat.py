#coding:gbk
# QMT Sentry's heartbeat: mount this script in QMT (model trading, live) once, on any chart. Nothing in it needs
# editing: its settings stand in sentry.ini. It places no orders.
#
# Pure ASCII on purpose: the gbk cookie is what QMT's editor expects, and ASCII survives every editor and repository.
# Python 3.6, one thread, no __file__; all work is done by the dingtou package.

import os
import sys

NEEDS = 1  # the oldest dingtou.VERSION that will do
_beat = None


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
    dingtou.require(NEEDS)
    from dingtou import beat

    return beat


def init(ContextInfo):
    global _beat
    _beat = None
    try:
        _beat = _load().Beat(globals())
    except Exception as error:  # nothing may be raised into QMT: it would stop the strategy without a word
        # "[QMT Sentry] the heartbeat cannot run: the dingtou package cannot be used (...). Run the installer again,
        # then restart QMT."
        _say(
            "[QMT \u54e8\u5175] \u5fc3\u8df3\u65e0\u6cd5\u8fd0\u884c\uff1adingtou \u7a0b\u5e8f\u5305\u7528\u4e0d\u4e86"
            "\uff08%s\uff09\u3002\u8bf7\u91cd\u65b0\u8fd0\u884c\u54e8\u5175\u7684\u5b89\u88c5\u7a0b\u5e8f\uff0c"
            "\u7136\u540e\u91cd\u542f QMT\u3002" % error
        )
        return
    _beat.init(ContextInfo)


def after_init(ContextInfo):
    if _beat is not None:
        _beat.after_init(ContextInfo)


def handlebar(ContextInfo):
    if _beat is not None:
        _beat.handlebar(ContextInfo)


def heartbeat_timer(ContextInfo):
    if _beat is not None:
        _beat.timer(ContextInfo)


def deal_callback(ContextInfo, dealInfo):
    if _beat is not None:
        _beat.deal_callback(ContextInfo, dealInfo)
