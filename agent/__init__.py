"""The agent: the daemon that runs a checkout lane."""

__version__ = "0.1.0"
