"""Readers of files of music."""
