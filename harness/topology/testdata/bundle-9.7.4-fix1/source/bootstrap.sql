SET SESSION sql_log_bin=0;
CREATE USER IF NOT EXISTS 'ndbproof_admin'@'%' IDENTIFIED BY 'ADMIN-SOURCE' REQUIRE SSL;
GRANT ALL ON *.* TO 'ndbproof_admin'@'%' WITH GRANT OPTION;
REVOKE NDB_STORED_USER ON *.* FROM 'ndbproof_admin'@'%';
ALTER USER 'root'@'localhost' IDENTIFIED BY 'ROOT-SOURCE';
SET SESSION sql_log_bin=1;
