# An OpenTelemetry collector where the official image cannot be pulled: rotel, from its wheel. It takes OTLP over gRPC on
# port 4317 and prints what it gets; an exporter is a matter of ROTEL_ variables.
ARG BASE_IMAGE=python:3.11-slim-bookworm

FROM ${BASE_IMAGE} AS install
# Its hash was checked against deploy/local.lock when it was put into the wheelhouse. Only the agent is wanted of it.
COPY build/wheelhouse/rotel-*.whl /wheel/
RUN python3 -m zipfile --extract /wheel/*.whl /wheel/unpacked \
    && install -D --mode 0755 /wheel/unpacked/rotel/rotel-agent /opt/rotel/rotel-agent

FROM ${BASE_IMAGE}
COPY --from=install /opt/rotel /opt/rotel
USER 10001:10001
HEALTHCHECK --interval=2s --timeout=5s --start-period=20s --retries=10 \
    CMD ["python3", "-c", "import socket; socket.create_connection(('127.0.0.1', 4317), 2).close()"]
ENTRYPOINT ["/opt/rotel/rotel-agent", "start"]
CMD ["--otlp-grpc-endpoint", "0.0.0.0:4317", "--exporter", "blackhole", "--debug-log", "traces", "--debug-log", "metrics"]
