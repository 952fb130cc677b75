"""state/grid.json in memory, and whether the disk still has it as we left it."""

from typing import Optional

from . import gridstate
from .atomic import read_whole


class GridFile:
    def __init__(self, home: str) -> None:
        self.state = gridstate.GridState({}, "", False)
        self.unsaved = False  # the disk refused what `state` holds
        self._home = home
        self._raw: Optional[bytes] = None

    def load(self) -> None:
        """Raises OSError where the file cannot be read just now."""
        self.state = gridstate.load(self._home)
        if self.state.locked:
            raise OSError(self.state.problem)
        self._raw = read_whole(gridstate.path(self._home))
        self.unsaved = False

    def save(self) -> None:
        """Raises OSError: then it is to be saved later."""
        self.unsaved = True
        gridstate.save(self._home, self.state.cells)
        self._raw = read_whole(gridstate.path(self._home))
        self.unsaved = False

    def there(self) -> bool:
        """Whether the file is as we left it. Raises OSError where that cannot be seen right now."""
        return self.unsaved or read_whole(gridstate.path(self._home)) == self._raw

    def see(self) -> None:
        """The file as it is now is one that we know: what is wrong with it is being told."""
        try:
            self._raw = read_whole(gridstate.path(self._home))
        except OSError:
            self._raw = None
