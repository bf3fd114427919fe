"""What is kept: the history of the cameras' health, in one embedded SQLite file."""
