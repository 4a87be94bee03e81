"""`notifier demo`: the real parts, a company that does not exist, a mail server inside, and time that can be watched."""
