"""The soak's oracle on memory and handles: flat, by a straight line through the samples. Pure."""

from collections import defaultdict

MB = 1024 * 1024
# Of hours: each process that ran longest under one pid, from WARM on. Of days: the samples at each day's end.
WARM = 900.0  # s after its start in which a process may still grow
FIRST_DAY = 4  # the first day whose end counts
LIMITS = {"hours": (2.0, 2.0), "days": (1.0, 1.0)}  # MB and handles, an hour or a day
FEWEST = 5  # samples, for a line that means something


def slope(points):
    """Of the least-squares line through [(x, y)]; 0.0 where there is no line."""
    count = len(points)
    if count < 2:
        return 0.0
    mean_x = sum(x for x, _ in points) / count
    mean_y = sum(y for _, y in points) / count
    square = sum((x - mean_x) ** 2 for x, _ in points)
    return sum((x - mean_x) * (y - mean_y) for x, y in points) / square if square else 0.0


def series(samples, mode):
    """{name: [(hours or days, MB, handles)]} of what is judged."""
    found = defaultdict(list)
    if mode == "days":
        for sample in samples:
            if sample["day"] >= FIRST_DAY:
                found[sample["name"]].append((sample["day"], sample["rss"] / MB, sample["handles"]))
        return dict(found)
    by_process = defaultdict(list)
    for sample in samples:
        by_process[sample["name"], sample["pid"]].append(sample)
    longest = {}
    for (name, _), mine in by_process.items():
        if len(mine) > len(longest.get(name, [])):
            longest[name] = mine
    for name, mine in longest.items():
        begin = mine[0]["at"] + WARM
        found[name] = [((s["at"] - begin) / 3600, s["rss"] / MB, s["handles"]) for s in mine if s["at"] >= begin]
    return dict(found)


def growth(samples, mode):
    """{name: (samples, first MB, last MB, MB an hour or day, handles an hour or day)}"""
    return {
        name: (
            len(points),
            points[0][1] if points else 0.0,
            points[-1][1] if points else 0.0,
            slope([(x, mb) for x, mb, _ in points]),
            slope([(x, handles) for x, _, handles in points]),
        )
        for name, points in series(samples, mode).items()
    }


def findings(samples, mode, names=("tray", "receiver", "qmt")):
    """Processes that grow. Too few samples say nothing: a short run is not judged."""
    most_mb, most_handles = LIMITS[mode]
    unit = "天" if mode == "days" else "小时"
    found = []
    for name, (count, _, _, mb, handles) in growth(samples, mode).items():
        if name not in names or count < FEWEST:
            continue
        if mb > most_mb:
            found.append(f"{name} 的内存每{unit}多 {mb:.2f} MB（允许 {most_mb:g}）")
        if handles > most_handles:
            found.append(f"{name} 的句柄每{unit}多 {handles:.2f} 个（允许 {most_handles:g}）")
    return found
