"""The library's errors: each message says what was given, what was expected and what to do."""

from __future__ import annotations


class RFRError(Exception):
    """Base of every error that a user's input can cause; its text is one sentence fit to be shown as it is."""


class ConfigError(RFRError, ValueError):
    """A hyper-parameter is missing, unknown or out of range."""


class ImageError(RFRError, ValueError):
    """A picture cannot be read, is of an unsupported kind or size, or cannot be written."""


class HoleError(RFRError, ValueError):
    """A mask cannot be read or does not describe a hole that can be filled."""


class CheckpointError(RFRError):
    """A checkpoint cannot be found, read, converted or saved."""


class DeviceError(RFRError):
    """A device or number format is not available on this machine, or its memory is too small."""
