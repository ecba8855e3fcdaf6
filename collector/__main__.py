"""`python -m collector`, and the `kl-collector` command.

The command is installed with the MCP server too, which needs none of the collector's libraries.
"""

from __future__ import annotations

import sys

_OURS = ("collector", "kl_mcp")


def main() -> int:
    """Run the command line; exit code 2 with one line if the collector's libraries are not installed."""
    try:
        from collector.cli import main as run

        return run()
    except ModuleNotFoundError as missing:
        if missing.name is None or missing.name.partition(".")[0] in _OURS:
            raise
        sys.stderr.write(
            f"kl-collector: the library {missing.name} is not installed: this installation has the MCP server alone. "
            "Add the collector: apt-get install librrd-dev python3-dev gcc, then pip install 'kubeledger[collector]' "
            "(from a checkout: pip install '.[collector]')\n"
        )
        return 2


if __name__ == "__main__":
    sys.exit(main())
