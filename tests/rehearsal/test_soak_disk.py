"""The small disk that the soak fills up."""

import pytest

from rehearsal.soak import disk


def test_a_filled_disk_takes_nothing_more_until_it_is_freed(tmp_path):
    why_not = disk.cannot()
    if why_not:
        pytest.skip("no small disk can be mounted here (Linux and root needed)")
    small = disk.Small(tmp_path / "small", 4)
    try:
        filler = small.fill()
        with pytest.raises(OSError):
            (small.folder / "more").write_bytes(b"x" * 8192)
        filler.unlink()
        (small.folder / "more").write_bytes(b"x" * 8192)
    finally:
        disk.unmount(small.folder)
