"""`marketmap run`: the commands that start what runs until it is stopped."""
