# The binary and nothing else. Built with the oldest toolchain that is supported, so that it is.
FROM rust:1.95-bookworm AS build
# The image's own toolchain, instead of the one that rust-toolchain.toml would download.
ENV RUSTUP_TOOLCHAIN=1.95.0
WORKDIR /src
COPY . .
RUN cargo build --release --locked --bin remit

FROM debian:bookworm-slim
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 remit \
    && install --directory --owner=remit --mode=0700 /var/lib/remit
COPY --from=build /src/target/release/remit /usr/local/bin/remit
USER remit
ENV REMIT_DATA_DIR=/var/lib/remit
VOLUME /var/lib/remit
EXPOSE 8080
ENTRYPOINT ["remit"]
