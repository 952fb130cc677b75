"""`run.py pictures`: docs/img as everything looks today. 20 minutes, mostly waiting; look at each before committing.

Pages and the phone come from the browser's tests (Debian's chromium and chromium-driver), the mini PC from the tests of
the installed program under Wine (Debian, root), the icons from the function that draws them. Let no other simulated QMT
run on this machine meanwhile: the tray tells of programs of the same name, and their paths would be in the pictures.
"""

import argparse
import os
import subprocess
import sys

from rehearsal.road import ROOT

FOLDER = ROOT / "docs" / "img"
OF_THE_MINI_PC = "test_installed_icon or test_installed_by_hand"


def commands(with_windows):
    """What makes them, in order: (command, further environment)."""
    browser = [sys.executable, "-m", "pytest", "-q", "tests/browser"]
    # CI: without a browser that is a failure, not a skipped test.
    found = [(browser, {"QMT_SENTRY_SCREENSHOTS": str(FOLDER), "CI": "true"})]
    if with_windows:
        windows = [sys.executable, "-m", "installer", "--test", "--full", "--keep", "--", "-k", OF_THE_MINI_PC]
        found.append((windows, {}))
    return found


def main(argv):
    parser = argparse.ArgumentParser(prog="run.py pictures", description="重拍 docs/img 里的图")
    parser.add_argument("--no-windows", action="store_true", help="不拍小主机上的（不用 Wine）")
    options = parser.parse_args(argv)
    from tray_app import icon  # only now: it needs Pillow

    icon.contact_sheet().save(str(FOLDER / "tray-icons.png"), optimize=True)
    codes = [
        subprocess.call(command, cwd=str(ROOT), env={**os.environ, **more})
        for command, more in commands(not options.no_windows)
    ]
    if any(codes):
        print("有的图没有拍成，原因在上面。", file=sys.stderr)
        return 1
    print(f"都在 {FOLDER}：每一张看过再提交。")
    return 0
