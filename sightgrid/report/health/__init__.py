"""How the cameras are, for people: page, table, what their faults cost."""
