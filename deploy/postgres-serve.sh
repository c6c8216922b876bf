#!/bin/sh
# Initialises the data directory once, as the official image does, then becomes the server.
set -eu

if [ ! -s "$PGDATA/PG_VERSION" ]; then
    mkdir -p "$PGDATA"
    initdb --pgdata="$PGDATA" --username=postgres --pwfile="$POSTGRES_PASSWORD_FILE" --auth=scram-sha-256 \
        --no-locale --encoding=UTF8 --no-instructions
    echo 'host all all all scram-sha-256' >>"$PGDATA/pg_hba.conf"
    # Not on the network yet: whoever waits for us must not find a half-made server.
    pg_ctl --pgdata="$PGDATA" --wait --options="-c listen_addresses='' -k /tmp" --silent start
    PGPASSWORD=$(cat "$POSTGRES_PASSWORD_FILE")
    export PGPASSWORD
    for script in /docker-entrypoint-initdb.d/*.sql; do
        psql -X -v ON_ERROR_STOP=1 --host=/tmp --username=postgres --dbname=postgres --quiet --file="$script"
    done
    unset PGPASSWORD
    pg_ctl --pgdata="$PGDATA" --wait --mode=fast --silent stop
fi

exec postgres -D "$PGDATA" -c listen_addresses='*' -k /tmp
