# A tag can be moved. A release names its base by digest: make image PYTHON_IMAGE=python:3.13-slim@sha256:...
ARG PYTHON_IMAGE=python:3.13-slim
FROM ${PYTHON_IMAGE} AS build
WORKDIR /src
COPY scripts/uv-requirements.txt scripts/
RUN pip install --no-cache-dir --require-hashes -r scripts/uv-requirements.txt
COPY pyproject.toml README.md requirements.lock ./
COPY alembic alembic
COPY catalogue catalogue
COPY schemas schemas
COPY worker worker
COPY recall recall
# The compiled part of the worker needs a compiler. The final image does not contain it.
RUN apt-get update && apt-get install --yes --no-install-recommends cargo gcc libc6-dev
# Only what the worker needs at run time, in the versions of the lock file. Byte code is compiled here: in a
# read-only container every start would compile it again. What builds the packages is locked, too: hatchling, maturin.
RUN uv venv --no-managed-python /opt/marketmap \
    && uv pip install --no-cache --compile-bytecode --python /opt/marketmap/bin/python --constraints requirements.lock \
        --build-constraints requirements.lock --require-build-hashes --preview-features build-dependency-hashes '.[insight,console]' \
    && MATURIN_PEP517_ARGS=--locked uv pip install --no-cache --python /opt/marketmap/bin/python --no-deps \
        --build-constraints requirements.lock --require-build-hashes --preview-features build-dependency-hashes ./recall

FROM ${PYTHON_IMAGE}
RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin marketmap
COPY --from=build /opt/marketmap /opt/marketmap
ENV PATH=/opt/marketmap/bin:$PATH PYTHONUNBUFFERED=1 MARKETMAP_LOG_FORMAT=json
# A number, so that Kubernetes can see that it is not root. The program writes to no file.
USER 10001
# For the long-running processes. If you run a job that serves nothing, disable it.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s CMD python -c \
    "import urllib.request as r; r.urlopen('http://127.0.0.1:${MARKETMAP_HTTP_PORT:-8080}/livez', timeout=3)"
ENTRYPOINT ["marketmap"]
CMD ["run", "worker"]
