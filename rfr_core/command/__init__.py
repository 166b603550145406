"""The command `rfr`."""
