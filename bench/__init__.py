"""How fast notifier is, beside others that do the same work in the same run. One command each: see the head of each module."""
