"""What an installation is made of: its command line, roles, settings, migrations, samples, benchmarks."""

import sys
from typing import Final

# Conditions nest to 1,000 levels and more. JSON readers count each level of objects and lists against this limit.
DEPTH: Final = 10_000
sys.setrecursionlimit(max(DEPTH, sys.getrecursionlimit()))
