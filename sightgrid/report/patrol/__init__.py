"""A patrolled shift, for people: cards, GPX, timeline, map, figures."""
