"""Response: who is where how soon, and what is lost when a unit leaves."""
