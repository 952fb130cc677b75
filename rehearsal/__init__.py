"""Everything that stands in for what a machine lacks: a simulated QMT, a simulated phone, prices, drills."""
