"""`python -m kl_mcp`: the same as the `kl-mcp` command."""

import sys

from kl_mcp.cli import main

if __name__ == "__main__":
    sys.exit(main())
