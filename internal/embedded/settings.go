package embedded

import "strconv"

// settings are given on the command line, where they win over whatever is in the data folder, and so take effect on
// folders made by earlier versions too.
func settings(port int, config PostgresConfig) []string {
	values := []string{
		"listen_addresses=127.0.0.1",
		"port=" + strconv.Itoa(port),
		"unix_socket_directories=", // none: no path to keep under 107 bytes, no folder to protect
		"password_encryption=scram-sha-256",
		"max_connections=200", // every service of a platform, with a pool each
		"shared_buffers=128MB",
		"huge_pages=off", // at this size not worth a failed attempt at each start
		"jit=off",        // our statements are short: compiling costs more than it saves
		"max_wal_senders=0",
		"max_logical_replication_workers=0", // one process less that wakes up
		"wal_level=minimal",                 // COPY into a table made in the same transaction skips the log (rebuilds)
		"wal_compression=off",               // the method that is always built in takes more processor time than the disk time it saves
		"log_checkpoints=off",
		"log_line_prefix=%m [%p] %q%u@%d ",
		"log_timezone=UTC",
		"timezone=UTC",
		"lc_messages=C",
		// A transaction left open by a stopped debugger or a lost client holds locks (the log head) that all others wait for.
		"idle_in_transaction_session_timeout=60s",
	}
	if config.Ephemeral {
		// Safe against the death of any process, not of the machine. synchronous_commit stays on: off would lose
		// acknowledged commits even when only the server is killed.
		values = append(values, "fsync=off", "full_page_writes=off", "autovacuum_naptime=10min")
	} else {
		values = append(values, "fsync=on", "synchronous_commit=on")
	}
	values = append(values, config.Settings...)
	args := make([]string, 0, 2*len(values))
	for _, value := range values {
		args = append(args, "-c", value)
	}
	return args
}
