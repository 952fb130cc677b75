"""Times as people read them: Asia/Shanghai, which is epoch + 8 h all year."""

import time

SHANGHAI_OFFSET = 8 * 3600


def clock_text(at):
    """HH:MM:SS in Shanghai of an epoch second."""
    return time.strftime("%H:%M:%S", time.gmtime(at + SHANGHAI_OFFSET))
