"""What our scripts inside QMT share: posts to the spool, rows, settings, clock, guard.

Installed into QMT's site-packages. Python 3.6, no thread, no network. Importing this package does nothing but define
names, so that a broken machine is met inside a guarded entry point.
"""

# Raised whenever a script needs something that an older installed package does not have.
VERSION = 2


def require(version: int) -> None:
    """Raise ImportError, with a Chinese sentence that says what to do, if this package is older than `version`.

    QMT keeps imported packages for as long as the client runs, so after an update an old package meets a new script.
    """
    if version > VERSION:
        raise ImportError(
            "装好的策略程序太旧（版本 %d，脚本要 %d）。请重新运行哨兵的安装程序，再重启 QMT" % (VERSION, version)
        )
