"""`python -m budgetrouter.serving.health_check`: whether this container's server answers."""

import os
import sys

from budgetrouter.serving.web_server import answers

if __name__ == "__main__":
    sys.exit(0 if answers(f"http://127.0.0.1:{os.environ.get('PORT', '8000')}/health") else 1)
