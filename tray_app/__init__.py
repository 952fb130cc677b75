"""The mini PC's program: watches QMT and the machine, keeps every post on disk, forwards it to the receiver."""

VERSION = "0.1.0"
