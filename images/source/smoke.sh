# Runs what was packed in an image that has nothing of the build, as the servers'
# user. Only then the tarball gets its final name in images/bundles/.
export PATH=/usr/local/mysql/bin:$PATH
mysqld --no-defaults --version
ndbmtd --version
mysqld --no-defaults --initialize-insecure --datadir=/tmp/smoke
ls /tmp/smoke/mysql.ibd
