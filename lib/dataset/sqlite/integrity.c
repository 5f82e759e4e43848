/* Whether a SQLite database is sound, and correcting its counts. */
#include "dataset/sqlite/internal.h"

static int integrity_rows(struct sqlite_conn *conn, bool thorough, dataset_told *told, void *data, struct err *err)
{
	sqlite3_stmt *stmt =
		conn_query(conn, err, thorough ? "PRAGMA integrity_check(100)" : "PRAGMA quick_check(100)", "");
	int row = stmt ? 1 : -1;

	while (stmt && (row = conn_step(conn, stmt, err)) == 1) {
		const char *text = column_peek(stmt, 0);

		if (text && strcmp(text, "ok") != 0)
			told(data, text);
	}
	return row;
}

int sqlite_integrity(struct dataset *dataset, bool thorough, dataset_told *told, void *data, struct err *err)
{
	struct sqlite_conn *conn = db_read(dataset_db(dataset), err);

	if (!conn)
		return -1;
	int failed = integrity_rows(conn, thorough, told, data, err);
	db_read_end(dataset_db(dataset), conn);
	return failed;
}

struct fixing {
	const struct dataset_count_fix *fixes;
	size_t count;
};

static int fix_count(struct sqlite_conn *writer, const struct dataset_count_fix *fix, struct err *err)
{
	static const char *const kinds[] = {"size", "state", "label", "gold", "bytes"};
	char state[24];

	snprintf(state, sizeof(state), "%d", (int)fix->state);
	return conn_run(writer, err,
	                "INSERT INTO counts (kind, name, n) VALUES (?1, ?2, ?3)"
	                " ON CONFLICT (kind, name) DO UPDATE SET n = n + ?3",
	                "ssi", kinds[fix->kind],
	                fix->kind == DATASET_COUNT_STATE   ? state
	                : fix->kind == DATASET_COUNT_LABEL ? fix->label
	                                                   : "",
	                fix->by);
}

static int write_fixes(struct sqlite_conn *writer, void *data, struct err *err)
{
	const struct fixing *fixing = data;

	for (size_t i = 0; i < fixing->count; i++) {
		if (fix_count(writer, &fixing->fixes[i], err))
			return -1;
	}
	return 0;
}

int sqlite_fix_counts(struct dataset *dataset, const struct dataset_count_fix *fixes, size_t count, struct err *err)
{
	struct fixing fixing = {fixes, count};

	return db_write(dataset_db(dataset), true, write_fixes, &fixing, err);
}
