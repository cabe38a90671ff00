"""Engines: one module each, imported only by the command that runs on it."""
