"""The agent: the daemon that runs a checkout lane."""
