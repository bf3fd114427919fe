"""Routes for a shift: who visits which stop when, and which streets are patrolled in between."""
