# Asks the archive which sources it has: as package mysql-source, whose content
# is the source with Debian's patches, or as source package. The second package
# source is known to this configuration alone, which nothing installs with, and
# offers one package. A mirror may be frozen, so how old its list is does not
# count; its signature does.
mkdir -p /build/apt/lists/partial /build/apt/parts
cat > /build/apt/sid.list <<'END'
deb [check-valid-until=no] http://deb.debian.org/debian sid main
deb-src [check-valid-until=no] http://deb.debian.org/debian sid main
END
cat > /build/apt/sid.pin <<'END'
Package: *
Pin: release a=unstable
Pin-Priority: -1

Package: mysql-source
Pin: release a=unstable
Pin-Priority: 500
END
cat > /build/apt/sid.conf <<'END'
Dir::Etc::SourceList "/build/apt/sid.list";
Dir::Etc::SourceParts "/build/apt/parts";
Dir::Etc::Preferences "/build/apt/sid.pin";
Dir::State::Lists "/build/apt/lists";
APT::Sandbox::User "root";
Acquire::Languages "none";
END
export APT_CONFIG=/build/apt/sid.conf
apt-get -q update
apt-cache showsrc mysql-source | awk '$1 == "Package:" { p = $2 } $1 == "Version:" { print "source", p, $2 }' | sort -uV
apt-cache madison mysql-source | awk -F ' *[|] *' '$3 ~ /Packages$/ { print "source mysql-source", $2 }' | sort -uV
