"""A small disk below one folder, that can be filled up: a tmpfs. Linux as root only; elsewhere it is left out."""

import errno
import os
import subprocess
import sys

MB = 1024 * 1024


def cannot():
    """Why small disks cannot be made here, a Chinese sentence; '' where they can."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return "磁盘写满没有演练：要在 Linux 上以 root 运行才能挂上小磁盘。"
    return ""


class Small:
    """A tmpfs of `mb` megabytes mounted at `folder`. Unmount it when nobody uses it any more."""

    def __init__(self, folder, mb):
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={mb}m,mode=0755", "soak", str(folder)], check=True)

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

    def unmount(self):
        """Lazily, so that a process that still ends beside us cannot keep it."""
        subprocess.run(["umount", "-l", str(self.folder)], check=False)
