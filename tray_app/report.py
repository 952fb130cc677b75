"""What the program says of itself with each host.heartbeat (docs/protocol.md section 3)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tray_app import VERSION
from tray_app.events import Event
from tray_app.watch import health, qmt

if TYPE_CHECKING:
    from tray_app.app import TrayApp


def heartbeat(app: TrayApp) -> dict[str, Any]:
    """What only the whole program knows; the host watcher adds the machine's own figures."""
    figures = app.outbox.figures()
    return {
        "clock_offset": app.delivery.link().clock_offset,
        "outbox": {
            "waiting": figures.waiting,
            "oldest_age": round(figures.oldest_age, 1),
            "dropped": figures.dropped,
            "superseded": figures.superseded,
            "rejected": figures.rejected,
        },
        "workers": app.watchdog.ages(),
        "limits": app.watchdog.limits(),
        "restarts": app.watchdog.restarts(),
        "paused_until": app.paused_until(),
        "stop_orders": app.owner.is_stopped(),
        "findings": None if app.parts.health.is_dead() else health.all_of(app.board.get("findings")),
        "version": VERSION,
    }


def qmt_repeat(app: TrayApp, now: float) -> list[Event]:
    """The periodic qmt.process; none while the watcher is stuck, because an old look is not known to be true."""
    seen = app.board.get("qmt")
    if seen is None or app.parts.qmt.is_dead():
        return []
    return [qmt.event_of(seen, app.config.qmt_names, now, change=False, more=health.beyond(app.board, seen))]
