"""The reference of parameters, made from their classes: comments in ``conf/base``, and a page in ``docs``."""
