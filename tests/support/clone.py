"""A clean clone of the repository as it is in the working tree, with the environment of this one."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
AUTHOR = {
    "GIT_AUTHOR_NAME": "Tester",
    "GIT_AUTHOR_EMAIL": "tester@example.com",
    "GIT_COMMITTER_NAME": "Tester",
    "GIT_COMMITTER_EMAIL": "tester@example.com",
}


def git(directory: Path, *arguments: str) -> str:
    """What a git command prints."""
    done = subprocess.run(
        ["git", *arguments], cwd=directory, check=True, capture_output=True, text=True, env={**os.environ, **AUTHOR}
    )
    return done.stdout


def clone(directory: Path) -> Path:
    """Clone to `directory`, what is not committed yet included, and with no tag."""
    directory.mkdir()
    for name in git(ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard").rstrip("\0").split("\0"):
        source, target = ROOT / name, directory / name
        if source.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)
    git(directory, "init", "--quiet", "--initial-branch", "main")
    (directory / ".git" / "info" / "exclude").write_text(".venv\n")
    (directory / ".venv").symlink_to(Path(sys.executable).parents[1])
    git(directory, "add", "--all")
    git(directory, "commit", "--quiet", "--message", "As it is")
    return directory
