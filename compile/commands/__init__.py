"""The commands of 'nearwire compile', and what they print."""
