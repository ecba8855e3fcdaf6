"""`kl-mcp` in a process that may have no more files open than FEW_FILES says, and may not raise that."""

from __future__ import annotations

import os
import resource
import sys

from kl_mcp.cli import main

if __name__ == "__main__":
    most = int(os.environ.pop("FEW_FILES"))
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    sys.exit(main())
