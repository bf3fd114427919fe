"""A shift: who is on duty, what has to be visited, what each unit does when, and a checker of all that."""
