"""The owner's phone, simulated: WeCom robot, pushplus and a mail server on loopback, and a page to read them.

The rules follow the vendors' documents as gathered in the facts on alerting: HTTP 200 also for errors, byte limits,
rates and quotas, pushplus's yes that only means "accepted" and its later callback.
"""
