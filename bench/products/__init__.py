"""The systems that are measured; one module each. `base.py` says what a product is."""
