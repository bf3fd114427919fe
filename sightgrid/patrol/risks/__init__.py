"""Where something happens: incidents, risk by street, how well it predicts, and the attention each street gets."""
