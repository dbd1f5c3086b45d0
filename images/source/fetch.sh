# Fetches the source, whose sums the archive has signed; a half-fetched file is
# gone on with. Other versions are not kept.
mkdir -p /build/fetched && cd /build/fetched
find . -type f ! -name "*_${VERSION%-*}*" -delete
export APT_CONFIG=/build/apt/sid.conf
case $PACKAGE in
  mysql-source) apt-get -q download "$PACKAGE=$VERSION" ;;
  *) apt-get -q source --download-only --only-source "$PACKAGE=$VERSION" ;;
esac
ls -l
