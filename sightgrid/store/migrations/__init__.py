"""The layouts of the store, one after the other."""
