# The service alone: one static binary, no shell, no root. .ci/run executes the
# RUN lines below as they stand, so keep each on one line.
FROM golang:1.26-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN make build PROGRAMS=./cmd/membership

FROM gcr.io/distroless/static-debian12:nonroot
COPY --from=build /src/bin/membership /membership
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=4s --start-period=10s CMD ["/membership", "healthcheck"]
ENTRYPOINT ["/membership"]
CMD ["serve"]
