"""Onepass: neural machine translation that writes the whole sentence in one parallel pass."""

__version__ = "0.1.0"
