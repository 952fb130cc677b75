"""A small disk below one folder, that can be filled up: a tmpfs. Linux as root only; elsewhere it is left out."""

import errno
import os
import subprocess
import sys
import tempfile

MB = 1024 * 1024


def cannot():
    """Why small disks cannot be made here, a Chinese sentence; '' where they can. Tried, not guessed: root in a
    container may not mount."""
    if sys.platform == "linux" and os.geteuid() == 0:
        with tempfile.TemporaryDirectory() as folder:
            if mount(folder, 1).returncode == 0:
                unmount(folder)
                return ""
    return "磁盘写满没有演练：要在 Linux 上以 root 运行才能挂上小磁盘。"


def mount(folder, mb):
    command = ["mount", "-t", "tmpfs", "-o", f"size={mb}m,mode=0755", "soak", str(folder)]
    return subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def unmount(folder):
    """Lazily, so that a process that is just ending beside us cannot keep it."""
    subprocess.run(["umount", "-l", str(folder)], check=False)


class Small:
    """A tmpfs of `mb` megabytes mounted at `folder`. `unmount` its folder when nobody uses it any more."""

    def __init__(self, folder, mb):
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        mount(folder, mb).check_returncode()

    def fill(self):
        """Take all that is free; returns the file that holds it."""
        path = self.folder / "filler"
        with path.open("wb") as file:
            step = 16 * MB
            while step >= 4096:
                try:
                    os.posix_fallocate(file.fileno(), file.seek(0, os.SEEK_END), step)
                except OSError as problem:
                    if problem.errno != errno.ENOSPC:
                        raise
                    step //= 2
        return path
