# Says how much disk there is where the build will lie, how much of it an earlier
# build has taken already, and how much memory is free; in bytes.
df -Pk /build | awk 'END { printf "disk %.0f\n", $4 * 1024 }'
du -sk /build | awk '{ printf "used %.0f\n", $1 * 1024 }'
awk '$1 == "MemAvailable:" { printf "memory %.0f\n", $2 * 1024 }' /proc/meminfo
