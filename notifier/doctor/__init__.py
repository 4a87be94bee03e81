"""What `notifier doctor` finds out: checks against the real world, which send nothing and change nothing."""
