"""What Claude Desktop starts of the bundle: the server over stdio, with settings from the environment."""

import sys

from kl_mcp.cli import main

if __name__ == "__main__":
    sys.exit(main(["--transport", "stdio"]))
