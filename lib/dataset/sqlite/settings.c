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

int policy_load(struct sqlite_conn *conn, struct dataset_policy *out, struct err *err)
{
	sqlite3_stmt *stmt = conn_query(conn, err,
	                                "SELECT key, value FROM settings WHERE key IN"
	                                " ('overlap', 'lease_seconds', 'order', 'skip', 'public')",
	                                "");
	int row = stmt ? 1 : -1;

	*out = dataset_policy_default();
	while (stmt && (row = conn_step(conn, stmt, err)) == 1) {
		const char *key = (const char *)sqlite3_column_text(stmt, 0);
		int64_t value = sqlite3_column_int64(stmt, 1);

		if (strcmp(key, "overlap") == 0)
			out->overlap = value;
		else if (strcmp(key, "lease_seconds") == 0)
			out->lease_seconds = value;
		else if (strcmp(key, "order") == 0)
			out->order = (enum dataset_order)value;
		else if (strcmp(key, "skip") == 0)
			out->skip = (enum dataset_skip)value;
		else
			out->public_images = value != 0;
	}
	return row < 0;
}

int overlap_load(struct sqlite_conn *conn, int64_t *overlap, struct err *err)
{
	return conn_int64(conn, err, 1, overlap, "SELECT value FROM settings WHERE key = 'overlap'", "");
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
		snprintf(out, HASH_UUID_MAX, "%s", (const char *)sqlite3_column_text(stmt, 0));
		conn_done(stmt);
	}
	return row < 0;
}

int setting_set(struct sqlite_conn *writer, const char *key, int64_t value, struct err *err)
{
	return conn_run(writer, err, "UPDATE settings SET value = ?2 WHERE key = ?1", "si", key, value);
}
