"""People: who they are, what they know, how they sign in, and what machines act for them."""
