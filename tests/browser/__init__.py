"""The pages in a real Chromium, served by the real server from a database of its own.

`server` runs the product, `upstream` writes the answers that a test tells it to, `watch` notes what
no page may do. Fixtures are in `conftest.py`; start reading at `test_story.py`.
"""
