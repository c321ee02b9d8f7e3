#!/usr/bin/env bash
# Stops what start.sh has started. Running subtasks get their grace; all data stays under data/agent03/compose.
set -euo pipefail
exec "$(dirname "$0")/compose.sh" down "$@"
