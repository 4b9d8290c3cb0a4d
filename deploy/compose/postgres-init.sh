#!/bin/sh
# For each service a database, an owner that makes its tables, and a role that the service runs under. Nobody else gets in.
# The image runs this once, when the volume is empty, and lets nobody in meanwhile.
set -eu
for service in orders inventory payments catalog customers views; do
	psql -v ON_ERROR_STOP=1 --no-psqlrc --quiet --username "$POSTGRES_USER" --dbname postgres \
		-v name="$service" -v runtime="${service}_runtime" \
		-v owner_password="$(cat "/run/secrets/$service")" -v runtime_password="$(cat "/run/secrets/${service}_runtime")" <<-'SQL'
		CREATE ROLE :"name" LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS PASSWORD :'owner_password';
		CREATE ROLE :"runtime" LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS PASSWORD :'runtime_password';
		CREATE DATABASE :"name" OWNER :"name" TEMPLATE template0;
		REVOKE ALL ON DATABASE :"name", postgres, template1 FROM PUBLIC;
		GRANT CONNECT ON DATABASE :"name" TO :"runtime";
	SQL
done
# The superuser comes in over the socket alone: docker compose exec postgres psql -U postgres
psql -v ON_ERROR_STOP=1 --no-psqlrc --quiet --username "$POSTGRES_USER" --dbname postgres -c 'ALTER ROLE CURRENT_USER PASSWORD NULL'
