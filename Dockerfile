# The engine. Loopback inside a container is reachable by nobody, so say where to listen:
#   docker run --env BACKEND_HOST=0.0.0.0 --env ALLOW_WITHOUT_KEYS=yes --publish 127.0.0.1:8003:8003 agent03-core-engine:local
ARG PYTHON_IMAGE=python:3.11-slim-bookworm

FROM ${PYTHON_IMAGE} AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /source
RUN python -m venv /venv
# Dependencies first: this layer is kept until the lock file changes.
COPY requirements.lock ./
RUN /venv/bin/pip install --no-deps --require-hashes --requirement requirements.lock
COPY . .
RUN /venv/bin/pip wheel --no-deps --no-build-isolation --wheel-dir /wheels . \
    && /venv/bin/pip install --no-deps /wheels/*.whl \
    && /venv/bin/pip check

FROM ${PYTHON_IMAGE}
ARG VERSION=0.1.0
LABEL org.opencontainers.image.title="agent03-core-engine" \
      org.opencontainers.image.description="A durable task-execution engine whose system of record is a property graph." \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.base.name="docker.io/library/python:3.11-slim-bookworm"
RUN groupadd --gid 10003 agent03 \
    && useradd --uid 10003 --gid agent03 --no-create-home --home-dir /app --shell /usr/sbin/nologin agent03 \
    && install --directory --owner agent03 --group agent03 /app /app/data /app/data/agent03 /app/shared_files
COPY --from=build /venv /venv
ENV PATH=/venv/bin:${PATH} PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /app
USER 10003:10003
EXPOSE 8003
# The engine drains on SIGTERM; give it longer than SHUTDOWN_GRACE_SECONDS before force.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as u; u.urlopen('http://127.0.0.1:%s/health/live' % (os.environ.get('BACKEND_PORT') or 8003), timeout=4)"]
ENTRYPOINT ["agent03"]
CMD ["serve"]
