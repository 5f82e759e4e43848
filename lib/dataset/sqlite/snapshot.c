/* Snapshots in SQLite: a row for each, and reading all samples as of one moment. */
#include "dataset/sqlite/internal.h"

#include "base/text.h"

#define SNAPSHOT_COLUMNS "name, digest, blob_key, split, seed, by, size, at"

static void snapshot_of_row(sqlite3_stmt *stmt, struct snapshot *out)
{
	*out = (struct snapshot){.name = column_text(stmt, 0),
	                         .digest = column_text(stmt, 1),
	                         .blob_key = column_text(stmt, 2),
	                         .split = column_text(stmt, 3),
	                         .seed = column_text(stmt, 4),
	                         .by = column_text(stmt, 5),
	                         .size = sqlite3_column_int64(stmt, 6),
	                         .at = sqlite3_column_int64(stmt, 7)};
}

static int write_snapshot(struct sqlite_conn *writer, void *data, struct err *err)
{
	struct snapshot *added = data;
	int64_t taken;

	if (conn_int64(writer, err, 0, &taken, "SELECT 1 FROM snapshots WHERE name = ?", "s", added->name))
		return -1;
	if (taken)
		return err_set(err, ERR_CONFLICT, "There is a snapshot named %s already", added->name);
	added->at = added->at ? added->at : text_now();
	return conn_run(writer, err, "INSERT INTO snapshots (" SNAPSHOT_COLUMNS ") VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
	                "ssssssii", added->name, added->digest, added->blob_key, added->split, added->seed, added->by,
	                added->size, added->at);
}

int sqlite_snapshot_add(struct dataset *dataset, struct snapshot *snapshot, struct err *err)
{
	return db_write(dataset_db(dataset), true, write_snapshot, snapshot, err);
}

int sqlite_snapshot_find(struct dataset *dataset, const char *name, struct snapshot *out, struct err *err)
{
	struct sqlite_conn *conn = db_read(dataset_db(dataset), err);

	if (!conn)
		return -1;
	sqlite3_stmt *stmt = conn_query(conn, err, "SELECT " SNAPSHOT_COLUMNS " FROM snapshots WHERE name = ?", "s", name);
	int row = stmt ? conn_step(conn, stmt, err) : -1;
	if (row == 1) {
		snapshot_of_row(stmt, out);
		conn_done(stmt);
	}
	db_read_end(dataset_db(dataset), conn);
	return row == 0 ? err_set(err, ERR_NOT_FOUND, "There is no snapshot named %s", name) : row < 0;
}

int sqlite_snapshot_list(struct dataset *dataset, const char *after, size_t limit, struct snapshot **out, size_t *count,
                         struct err *err)
{
	struct sqlite_conn *conn = db_read(dataset_db(dataset), err);
	int row = -1;

	if (!conn)
		return -1;
	*out = memory_new(limit, sizeof(**out));
	sqlite3_stmt *stmt =
		conn_query(conn, err, "SELECT " SNAPSHOT_COLUMNS " FROM snapshots WHERE name > ? ORDER BY name LIMIT ?",
	                   "si", after, (int64_t)limit);
	while (stmt && (row = conn_step(conn, stmt, err)) == 1)
		snapshot_of_row(stmt, &(*out)[(*count)++]);
	db_read_end(dataset_db(dataset), conn);
	return row;
}

static int visit_rows(struct sqlite_conn *conn, sample_visit *visit, void *data, struct err *err)
{
	sqlite3_stmt *stmt = conn_query(conn, err, "SELECT " SAMPLE_COLUMNS " FROM samples ORDER BY id", "");
	int row = -1;

	while (stmt && (row = conn_step(conn, stmt, err)) == 1) {
		struct sample sample;

		sample_borrow(stmt, &sample);
		if (visit(data, &sample, err)) {
			conn_done(stmt);
			return -1;
		}
	}
	return row;
}

/* One statement reads all of it, which by itself sees one moment. */
int sqlite_visit_all(struct dataset *dataset, sample_visit *visit, void *data, struct err *err)
{
	struct sqlite_conn *conn = db_read(dataset_db(dataset), err);

	if (!conn)
		return -1;
	int failed = visit_rows(conn, visit, data, err);
	db_read_end(dataset_db(dataset), conn);
	return failed;
}
