#!/usr/bin/env bash
# The compose tool on the compose file and its settings: scripts/compose.sh logs engine
set -euo pipefail
cd "$(dirname "$0")/.."

if command -v docker-compose >/dev/null; then
  exec docker-compose --env-file .env.agent03 -f docker-compose.agent03.yml "$@"
fi
if ! docker compose version >/dev/null 2>&1; then
  echo "compose.sh: there is no compose tool. Install Docker with it, or do without: agent03 serve needs no server" >&2
  exit 3
fi
exec docker compose --env-file .env.agent03 -f docker-compose.agent03.yml "$@"
