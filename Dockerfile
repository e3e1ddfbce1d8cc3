# Builds on the host's platform and cross-compiles for the target: docker buildx build --platform linux/amd64,linux/arm64 .
FROM --platform=$BUILDPLATFORM golang:1.26.8 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG TARGETOS TARGETARCH TARGETVARIANT
RUN CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH GOARM=${TARGETVARIANT#v} \
    go build -trimpath -tags timetzdata -ldflags "-s -w" -o /out/nvr ./cmd/nvr
RUN mkdir -p /out/config /out/data /out/recordings /out/tmp && chmod 1777 /out/tmp

# Only the binary and its folders: no shell, no libraries, no writable root.
FROM scratch
COPY --from=build --chown=65532:65532 /out/ /
USER 65532:65532
VOLUME ["/config", "/data", "/recordings"]
EXPOSE 8443
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s --retries=3 CMD ["/nvr", "healthcheck"]
ENTRYPOINT ["/nvr"]
CMD ["run"]
