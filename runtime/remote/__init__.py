"""Builds on other computers: what is sent there, and sessions that execute there."""
