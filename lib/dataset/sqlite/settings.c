/* The settings of a dataset in SQLite: its folder, uuid and policy. */
#include "dataset/sqlite/internal.h"

/* 1: found; the caller frees *out. */
static int base_dir_by(struct sqlite_conn *conn, sqlite3_stmt *stmt, char **out, struct err *err)
{
	int row = stmt ? conn_step(conn, stmt, err) : -1;

	if (row == 1) {
		*out = column_text(stmt, 0);
		conn_done(stmt);
	}
	return row;
}

/* Its name in the table may be another one, if the file was renamed. */
int base_dir_load(struct sqlite_conn *conn, const char *name, char **out, struct err *err)
{
	int row = base_dir_by(
		conn, conn_query(conn, err, "SELECT base_dir FROM metadata WHERE dataset_name = ? LIMIT 1", "s", name),
		out, err);

	if (row == 0)
		row = base_dir_by(conn, conn_query(conn, err, "SELECT base_dir FROM metadata ORDER BY rowid LIMIT 1", ""), out, err);
	if (row == 0)
		*out = memory_text("");
	return row < 0;
}

/* By a row with key and value. */
static void policy_set(struct dataset_policy *policy, sqlite3_stmt *stmt)
{
	const char *key = column_peek(stmt, 0);
	int64_t value = sqlite3_column_int64(stmt, 1);

	if (strcmp(key, "overlap") == 0)
		policy->overlap = value;
	else if (strcmp(key, "overlap_max") == 0)
		policy->overlap_max = value;
	else if (strcmp(key, "lease_seconds") == 0)
		policy->lease_seconds = value;
	else if (strcmp(key, "order") == 0)
		policy->order = (enum dataset_order)value;
	else if (strcmp(key, "skip") == 0)
		policy->skip = (enum dataset_skip)value;
	else if (strcmp(key, "gold_rate") == 0)
		policy->gold_rate = value;
	else if (strcmp(key, "public") == 0)
		policy->public_images = value != 0;
}

static int policy_look_up(struct sqlite_conn *conn, struct dataset_policy *out, struct err *err)
{
	/* Two ranges, in which there are few others: for a list of keys, SQLite would make a table each time. */
	sqlite3_stmt *stmt = conn_query(conn, err,
	                                "SELECT key, value FROM settings WHERE key BETWEEN 'gold_rate' AND 'lease_seconds'"
	                                " UNION ALL SELECT key, value FROM settings WHERE key BETWEEN 'order' AND 'skip'",
	                                "");
	int row = stmt ? 1 : -1;

	*out = dataset_policy_default();
	while (stmt && (row = conn_step(conn, stmt, err)) == 1)
		policy_set(out, stmt);
	return row < 0;
}

int policy_load(struct sqlite_conn *conn, struct dataset_policy *out, struct err *err)
{
	if (!conn->now.begun || !conn->now.policy_known) {
		if (policy_look_up(conn, &conn->now.policy, err))
			return -1;
		conn->now.policy_known = true;
	}
	*out = conn->now.policy;
	return 0;
}

int quorum_load(struct sqlite_conn *conn, struct rules_quorum *out, struct err *err)
{
	struct dataset_policy policy;

	if (policy_load(conn, &policy, err))
		return -1;
	*out = rules_quorum_of(&policy);
	return 0;
}

int64_t lease_default(struct dataset *dataset)
{
	return ((struct sqlite_dataset *)dataset)->store->config->limits.lease_seconds * MICROSECONDS;
}

int lease_length(struct sqlite_conn *conn, int64_t otherwise_us, int64_t *out, struct err *err)
{
	if (conn_int64(conn, err, 0, out, "SELECT value FROM settings WHERE key = 'lease_seconds'", ""))
		return -1;
	*out = *out ? *out * MICROSECONDS : otherwise_us;
	return 0;
}

int uuid_load(struct sqlite_conn *conn, char out[HASH_UUID_MAX], struct err *err)
{
	sqlite3_stmt *stmt = conn_query(conn, err, "SELECT value FROM settings WHERE key = 'uuid'", "");
	int row = stmt ? conn_step(conn, stmt, err) : -1;

	if (row == 1) {
		snprintf(out, HASH_UUID_MAX, "%s", column_peek(stmt, 0));
		conn_done(stmt);
	}
	return row < 0;
}

int setting_set(struct sqlite_conn *writer, const char *key, int64_t value, struct err *err)
{
	writer->now.policy_known = false;
	return conn_run(writer, err,
	                "INSERT INTO settings (key, value) VALUES (?1, ?2)"
	                " ON CONFLICT (key) DO UPDATE SET value = excluded.value",
	                "si", key, value);
}
