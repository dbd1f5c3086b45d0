# Installs what the build needs, and writes down which versions that are.
apt-get -q update
DEBIAN_FRONTEND=noninteractive apt-get -q install -y --no-install-recommends \
  clang-16 lld-16 ninja-build cmake bison pkg-config patchelf ccache dpkg-dev xz-utils patch \
  libssl-dev libicu-dev libprotobuf-dev libprotoc-dev protobuf-compiler liblz4-dev libzstd-dev zlib1g-dev \
  libedit-dev libcurl4-openssl-dev libaio-dev libnuma-dev libncurses-dev libevent-dev libtirpc-dev
rm -rf /var/lib/apt/lists/* /var/cache/apt/*
