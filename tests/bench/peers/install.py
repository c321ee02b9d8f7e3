"""``python -m tests.bench.peers.install``: makes the peers' environments; one that fails leaves its reason behind."""

from __future__ import annotations

import subprocess
import sys

from tests.bench.peers.places import FOLDER, PEERS, python, requirement, trouble

SECONDS = 900


def install(peer: str) -> bool:
    """Makes one peer's environment; False when that did not work."""
    pip = [str(python(peer)), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", requirement(peer)]
    try:
        subprocess.run([sys.executable, "-m", "venv", str(FOLDER / peer)], check=True, capture_output=True, text=True)
        subprocess.run(pip, check=True, capture_output=True, text=True, timeout=SECONDS)
    except subprocess.CalledProcessError as error:
        last = [line for line in (error.stderr or "").splitlines() if line.strip()][-1:]
        trouble(peer).write_text("".join(last) or f"{error.cmd} ended with {error.returncode}", "utf-8")
        return False
    except subprocess.TimeoutExpired:
        trouble(peer).write_text(f"its installation took longer than {SECONDS} s", "utf-8")
        return False
    trouble(peer).unlink(missing_ok=True)
    return True


def main() -> None:
    """Installs every peer, and says how it went."""
    FOLDER.mkdir(exist_ok=True)
    for peer in PEERS:
        print(f"{peer}: {'installed' if install(peer) else trouble(peer).read_text('utf-8')}", flush=True)


if __name__ == "__main__":
    main()
