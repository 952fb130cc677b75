"""What a message on the phone tells, taken apart: one telling for each thing that it says. Pure."""

import re

BAD, GOOD, AGAIN, LINE = "bad", "good", "again", "line"
MARKS = {"❗": BAD, "✅": GOOD, "⏰": AGAIN, "ℹ️": LINE, "⚠️": BAD, "❓": BAD, "🔔": LINE, "📊": LINE}
_TIME = r"(?:\d\d:\d\d(?::\d\d)? |\d\d-\d\d \d\d:\d\d(?::\d\d)? )?"  # before each line of a digest
_LED = re.compile("^" + _TIME + "(" + "|".join(MARKS) + ") (.*)$")
_NUMBER = re.compile(r"#(\d+)")


def tellings(message):
    """{(mark, what)} of one message: of its title and of each heading in its body (a digest, several incidents).

    mark is BAD, GOOD (something is over), AGAIN (a reminder) or LINE (news that ask for nothing).
    """
    found = set()
    title = message["shown"]["title"].rpartition(" · ")[0] or message["shown"]["title"]
    for line in [title, *message["shown"]["body"].splitlines()]:
        match = _LED.match(line)
        if match:
            found |= {(MARKS[match.group(1)], what) for what in _parts(match.group(2))}
    return found


def _parts(text):
    """The things that one heading names. A title that was too long ends with …; its body has the headings in full."""
    text = text.partition(" · ")[0]
    text = re.sub(r"^(已恢复|仍未恢复)：", "", re.sub(r"( #\d+)+$", "", text))
    return [part for part in text.split("、") if part and not part.endswith("…")]


def numbers(message):
    """The incidents' numbers that stand in a message."""
    return {int(number) for number in _NUMBER.findall(message["shown"]["body"])}


def says(message, mark, word):
    """Whether a message tells this: `mark` as above, `word` a part of what is told."""
    return any(mark == told and word in what for told, what in tellings(message))
