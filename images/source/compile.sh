# Compiles what is packed, and GenError, which makes the error messages.
export NINJA_STATUS='[%f/%t] '
ninja -C /build/bld -j "$JOBS" $PROGRAMS $PLUGINS GenError
