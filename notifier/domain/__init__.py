"""The pure core: no I/O, no clock, no settings. Time is always an argument, always aware."""
