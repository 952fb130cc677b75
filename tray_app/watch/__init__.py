"""The watchers: each is a class whose `round(now)` a worker calls again and again."""
