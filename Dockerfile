# One image for both containers: kl-mcp (default) and kl-collector.
#
#   docker build --build-arg VERSION=0.1.0 --build-arg REVISION=$(git rev-parse HEAD) -t kubeledger:0.1.0 .
#   docker run --rm --read-only -v books:/var/lib/kubeledger:ro -e KL_MCP_LISTEN_HOST=0.0.0.0 -p 127.0.0.1:5484:5484 kubeledger:0.1.0
#
# The digest is the multi-platform index of the tag; engines go by it and take the tag for a remark. Raise both together:
# docker buildx imagetools inspect python:3.11.16-slim-bookworm
ARG PYTHON_IMAGE=python:3.11.16-slim-bookworm@sha256:a36c24f9cbdf4fd0f52d67f0823eeac19c2028c637cecc392d97f980d4fec56b

FROM ${PYTHON_IMAGE} AS build
RUN --mount=type=bind,source=deploy/image,target=/steps /steps/build-packages.sh
WORKDIR /src
COPY . .
ARG VERSION=""
RUN VERSION="${VERSION}" deploy/image/build.sh /opt/kubeledger

FROM ${PYTHON_IMAGE}
RUN --mount=type=bind,source=deploy/image,target=/steps /steps/runtime.sh
COPY --from=build /opt/kubeledger /opt/kubeledger

ENV PATH=/opt/kubeledger/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    HOME=/var/lib/kubeledger \
    KL_DB_LOCATION=/var/lib/kubeledger/db \
    KL_DATA_DIR=/var/lib/kubeledger/data

ARG VERSION=""
ARG REVISION=""
ARG CREATED=""
LABEL org.opencontainers.image.title="KubeLedger" \
      org.opencontainers.image.description="What a Kubernetes cluster's capacity went to, and an MCP server that answers questions about it" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.url="https://github.com/kubeledger/kubeledger" \
      org.opencontainers.image.source="https://github.com/kubeledger/kubeledger" \
      io.modelcontextprotocol.server.name="io.github.kubeledger/kubeledger" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}"

# By number, so that runAsNonRoot can tell.
USER 10001:10001
VOLUME ["/var/lib/kubeledger"]
EXPOSE 5484
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s --retries=3 CMD ["kubeledger-healthcheck"]
CMD ["kl-mcp"]
