"""The commands of 'python -m compile', and what they print."""
