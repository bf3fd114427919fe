"""The street network as units use it: who may pass where, how fast, and what cameras see of it."""
