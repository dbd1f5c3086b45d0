# Unpacks the source with Debian's patches, then applies ours in their order.
rm -rf /build/src /build/bld
case $PACKAGE in
  mysql-source)
    mkdir /build/src # without what Debian's own build had made there
    dpkg-deb --fsys-tarfile /build/fetched/mysql-source_"${VERSION#*:}"_*.deb | tar -xO ./usr/src/mysql/mysql-source.tar.gz |
      tar -xz --strip-components=1 --anchored --no-wildcards-match-slash --exclude='*/builddir' --exclude='*/.pc' -C /build/src ;;
  *) dpkg-source --no-copy -x "/build/fetched/${PACKAGE}_${VERSION#*:}.dsc" /build/src ;;
esac
for p in /patches/*; do
  [ -e "$p" ] || continue
  echo "applying ${p##*/}"
  patch -d /build/src -p1 --forward --batch < "$p" || { echo "patch ${p##*/} does not apply to $PACKAGE $VERSION" >&2; exit 1; }
done
if [ -n "$SUFFIX" ]; then
  sed -i "s/^MYSQL_VERSION_EXTRA=.*/MYSQL_VERSION_EXTRA=-$SUFFIX/" /build/src/MYSQL_VERSION
  grep -qx "MYSQL_VERSION_EXTRA=-$SUFFIX" /build/src/MYSQL_VERSION || { echo "its file MYSQL_VERSION has no line for a suffix" >&2; exit 1; }
fi
