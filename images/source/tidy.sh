# Keeps the fetched source and the compiler's cache, for the next build.
rm -rf /build/src /build/bld /build/pack /build/out /build/done
