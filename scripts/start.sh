#!/usr/bin/env bash
# Starts engine, Neo4j and Redis with the compose file, and ends when the engine takes work.
# Options are handed on to `up`, such as --build. START_SECONDS (180) is the longest wait after that.
set -euo pipefail
cd "$(dirname "$0")"
health=${ENGINE_URL:-http://127.0.0.1:8003}/health/ready

./compose.sh up --detach "$@"
SECONDS=0
until curl --silent --fail --output /dev/null --max-time 5 "$health"; do
  if ((SECONDS >= ${START_SECONDS:-180})); then
    ./compose.sh ps >&2
    ./compose.sh logs --tail 20 engine >&2
    echo "start.sh: $health has not said yes for $SECONDS s; the engine's last lines are above" >&2
    exit 3
  fi
  sleep 1
done
echo "The engine takes work at ${health%/health/ready}, Neo4j Browser is at http://localhost:7403"
