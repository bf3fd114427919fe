"""Camera health: which cameras see, which do not, and why. It looks at pictures' health, never at people.

Names are loaded when they are first asked for: only what looks at pictures needs OpenCV (the ``health`` extra).
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
