# syntax=docker/dockerfile:1
# One image for `khallas serve`, `worker` and `migrate`. Nothing is compiled: every dependency is a wheel.

# pinned by digest: --build-arg PYTHON_IMAGE=python@sha256:…
ARG PYTHON_IMAGE=python:3.11-slim-bookworm

FROM ${PYTHON_IMAGE} AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /src
RUN python -m venv /opt/khallas
# extras by name, each with a lock beside production's: --build-arg EXTRAS="otel relay voice"
ARG EXTRAS=""
COPY requirements/production.lock requirements/otel.lock requirements/relay.lock requirements/voice.lock requirements/
RUN set --; for name in production $EXTRAS; do set -- "$@" -r "requirements/$name.lock"; done; \
    /opt/khallas/bin/pip install --no-deps --require-hashes --only-binary :all: "$@"
COPY pyproject.toml README.md LICENSE ./
COPY channels channels
COPY khallas khallas
COPY core core
COPY locales locales
COPY sessions sessions
RUN /opt/khallas/bin/pip install --no-deps --no-build-isolation . && /opt/khallas/bin/pip check

FROM ${PYTHON_IMAGE}
RUN groupadd --gid 10001 khallas && useradd --uid 10001 --gid 10001 --no-create-home --shell /usr/sbin/nologin khallas
COPY --from=build /opt/khallas /opt/khallas
ENV PATH=/opt/khallas/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER 10001:10001
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=15s CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/healthz', timeout=2)"]
ENTRYPOINT ["khallas"]
CMD ["serve", "--host", "0.0.0.0", "--port", "8000", "--workers", "2"]
