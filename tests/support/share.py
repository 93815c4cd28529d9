"""How much of a seeded search is made: a share of it in plain ./dev test, all of it by --all, by room and by name.

A search that takes a share takes it by its seed, so that it is the same each time; what it asserts is the same too.
"""
import os

QUICK = "HANDBACK_QUICK" in os.environ


def share(whole, quick):
    """How many of whole are made in this run."""
    return quick if QUICK else whole
