# Lays the programs out as the vendor's generic tarball does. Libraries that not
# every distribution with glibc has go into lib/private, found by a relative path.
bld=/build/bld src=/build/src name=mysql-cluster-$RELEASE-linux-glibc$(ldd --version | awk 'NR == 1 { print $NF }')-$(uname -m)
root=/build/pack/$name
rm -rf /build/pack /build/out
mkdir -p "$root"/{bin,lib/private,lib/plugin,share} /build/out
for p in $PROGRAMS; do install -m 755 "$bld/runtime_output_directory/$p" "$root/bin/"; done
for p in $PLUGINS; do
  f=$(find "$bld/plugin_output_directory" -name "$p.so" | head -n 1)
  [ -n "$f" ] || { echo "plugin $p was not built" >&2; exit 1; }
  install -m 755 "$f" "$root/lib/plugin/"
done
strip --strip-unneeded "$root"/bin/* "$root"/lib/plugin/*.so
cp -r "$bld"/share/* "$root/share/"
cp -r "$src/share/charsets" "$root/share/"
find "$root/share" \( -name CMakeFiles -o -name '*.cmake' -o -name Makefile \) -prune -exec rm -rf {} +
cp "$src/LICENSE" "$src/README" "$root/"
system='ld-linux|libc\.so|libm\.so|libdl|libpthread|librt\.so|libresolv|linux-vdso|libgcc_s|libstdc\+\+|libaio|libnuma|libtinfo|libncurses'
ldd "$root"/bin/* "$root"/lib/plugin/*.so | awk '/=> \// { print $3 }' | sort -u | grep -vE "$system" | xargs -I {} cp -L {} "$root/lib/private/"
patchelf --set-rpath '$ORIGIN/../lib/private' "$root"/bin/*
patchelf --set-rpath '$ORIGIN' "$root"/lib/private/*.so*
patchelf --set-rpath '$ORIGIN/../private' "$root"/lib/plugin/*.so
cd /build/pack
XZ_OPT="-9 -T$JOBS" tar --owner=0 --group=0 --sort=name -cJf "/build/out/$name.tar.xz" "$name"
echo "packed $name.tar.xz"
