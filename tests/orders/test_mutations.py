"""A wrong build is caught: with one safeguard taken out of a copy of the source, tests fail there."""

import os
import shutil
import subprocess
import sys

import pytest

REPOSITORY = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

# safeguard: (file, what stands there, what a wrong build has instead, the tests that must notice)
MUTATIONS = {
    "O_EXCL": (
        "disk.py", "os.O_CREAT | os.O_EXCL |", "os.O_CREAT |", "tests/qmt_strategy/test_flags_files.py",
    ),
    "the last look before passorder": (
        "placing.py", "if not self._still_in_time(ident, until):", "if False:", "tests/orders/test_trader_rare.py",
    ),
    "the remark lookup": (
        "desk.py", "flag = self.flags.flags.get(row.remark)", "flag = None", "tests/orders/test_trader_life.py",
    ),
    "the sysid lookup": (
        "desk.py", "if flag.order.sysid == row.sysid and", "if False and", "tests/orders/test_trader_books.py",
    ),
    "unknown, never resend": (
        "orders.py",
        "_LOST: _Cell = (UNKNOWN, (TELL_UNKNOWN, STOP_FUND))",
        "_LOST: _Cell = (CANCELLED, (TELL_ENDED,))",
        "tests/orders/test_trader_life.py",
    ),
    "the fsync before passorder": (
        "disk.py",
        "        os.fsync(handle)\n    finally:\n        os.close(handle)\n    sync_folder",
        "        pass\n    finally:\n        os.close(handle)\n    sync_folder",
        "tests/qmt_strategy/test_flags_files.py",
    ),
    "the intent before passorder": (
        "placing.py", "flag = desk.intend(ident, line)", "flag = desk.flags.flags.setdefault(ident.text, "
        "__import__('qmt_strategy.dingtou.flags').dingtou.flags.Flag(ident, [line]))",
        "tests/orders/test_trader_life.py",
    ),
    "the count of all orders": (
        "facts.py", "gate.attempts(len(mine), len(of_fund))", "gate.attempts(len(mine), 0)",
        "tests/orders/test_trader_gate.py",
    ),
    "the look at live orders": (
        "facts.py", "any(not flag.ended for flag in desk.flags.of(code))", "False", "tests/orders/test_trader_life.py",
    ),
    "an account that differs": (
        "trader.py", "self._observe and injected != found.account_id", "True", "tests/orders/test_trader_gate.py",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(MUTATIONS))
def test_without_this_safeguard_tests_fail(name, tmp_path):
    source, right, wrong, tests = MUTATIONS[name]
    root = str(tmp_path / "copy")
    for folder in ("qmt_strategy", os.path.join("tests", "orders"), os.path.join("tests", "qmt_strategy")):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(os.path.join(REPOSITORY, folder), os.path.join(root, folder), ignore=ignored)
    shutil.copy(os.path.join(REPOSITORY, "pyproject.toml"), root)
    path = os.path.join(root, "qmt_strategy", "dingtou", source)
    with open(path, encoding="utf-8") as file:
        text = file.read()
    assert text.count(right) == 1, f"the safeguard does not stand in {source} as it did: bring this list up to date"
    with open(path, "w", encoding="utf-8") as file:
        file.write(text.replace(right, wrong))
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", tests]
    done = subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    out = done.communicate(timeout=300)[0].decode("utf-8", "replace")
    assert done.returncode == 1 and "1 failed" in out, out[-2000:]
