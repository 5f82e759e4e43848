/* Removing samples from SQLite, and the tombstones that stay. */
#include "dataset/sqlite/internal.h"

#include "base/text.h"

#define TOMBSTONE_COLUMNS "id, filepath, blob_key, sha256, at, by, due"

static void tombstone_read(sqlite3_stmt *stmt, struct tombstone *out)
{
	*out = (struct tombstone){.id = sqlite3_column_int64(stmt, 0) - 1,
	                          .filepath = column_text(stmt, 1),
	                          .blob_key = column_text(stmt, 2),
	                          .sha256 = column_text(stmt, 3),
	                          .at = sqlite3_column_int64(stmt, 4),
	                          .by = column_text(stmt, 5),
	                          .due = sqlite3_column_int(stmt, 6) != 0};
}

/* Appends those that the statement finds. */
static int tombstones_read(struct sqlite_conn *conn, sqlite3_stmt *stmt, struct tombstone **out, size_t *count,
                           struct err *err)
{
	int row = stmt ? 1 : -1;

	while (stmt && (row = conn_step(conn, stmt, err)) == 1) {
		*out = memory_grow(*out, *count + 1, sizeof(**out));
		tombstone_read(stmt, &(*out)[(*count)++]);
	}
	return row < 0;
}

static int tombstones_give(struct tombstone **out, size_t *count, int failed)
{
	if (!failed)
		return 0;
	tombstones_release(*out, *count);
	*out = NULL;
	*count = 0;
	return -1;
}

/* --- removing ----------------------------------------------------------------------------------------------------- */

int sample_delete(struct sqlite_conn *writer, int64_t row, struct err *err)
{
	return conn_run(writer, err, "DELETE FROM samples WHERE id = ?", "i", row) ||
	       conn_run(writer, err, "DELETE FROM events WHERE sample = ?", "i", row) ||
	       conn_run(writer, err, "DELETE FROM votes WHERE sample = ?", "i", row) ||
	       conn_run(writer, err, "DELETE FROM leases WHERE sample = ?", "i", row);
}

int tombstone_insert(struct sqlite_conn *writer, const struct tombstone *tombstone, struct err *err)
{
	return conn_run(writer, err,
	                "INSERT OR REPLACE INTO removed (" TOMBSTONE_COLUMNS ")"
	                " VALUES (?1, ?2, NULLIF(?3, ''), NULLIF(?4, ''), ?5, ?6, ?7)",
	                "isssisi", tombstone->id + 1, tombstone->filepath, tombstone->blob_key, tombstone->sha256,
	                tombstone->at, tombstone->by, (int64_t)tombstone->due);
}

int tombstone_exists(struct sqlite_conn *writer, const char *filepath, bool *out, struct err *err)
{
	int64_t row;

	if (conn_int64(writer, err, 0, &row, "SELECT 1 FROM removed WHERE filepath = ? LIMIT 1", "s", filepath))
		return -1;
	*out = row != 0;
	return 0;
}

struct removal {
	int64_t row, now;
	const char *user;
	struct tombstone *tombstones;
	size_t count;
};

static int find_samples(struct sqlite_conn *writer, struct removal *removal, struct err *err)
{
	if (tombstones_read(writer,
	                    conn_query(writer, err,
	                               "SELECT id, filepath, blob_key, sha256, ?2, ?3, 1 FROM samples"
	                               " WHERE filepath = (SELECT filepath FROM samples WHERE id = ?1) ORDER BY id",
	                               "iis", removal->row, removal->now, removal->user),
	                    &removal->tombstones, &removal->count, err))
		return -1;
	return removal->count > 0 ? 0 : err_set(err, ERR_NOT_FOUND, "Sample not found");
}

static int write_removal(struct sqlite_conn *writer, void *data, struct err *err)
{
	struct removal *removal = data;

	tombstones_release(removal->tombstones, removal->count);
	removal->tombstones = NULL;
	removal->count = 0;
	if (find_samples(writer, removal, err))
		return -1;
	for (size_t i = 0; i < removal->count; i++) {
		const struct tombstone *tombstone = &removal->tombstones[i];
		const struct feed_item item = {
			.kind = FEED_REMOVE, .id = tombstone->id, .label = "", .by = tombstone->by, .at = tombstone->at};

		if (tombstone_insert(writer, tombstone, err) || sample_delete(writer, tombstone->id + 1, err) ||
		    feed_add(writer, &item, err))
			return -1;
	}
	return 0;
}

int sqlite_remove_sample(struct dataset *dataset, int64_t id, const char *user, struct tombstone **out, size_t *count,
                         struct err *err)
{
	struct removal removal = {.row = id + 1, .now = text_now(), .user = user};
	int failed = db_write(dataset_db(dataset), true, write_removal, &removal, err);

	*out = removal.tombstones;
	*count = removal.count;
	return tombstones_give(out, count, failed);
}

static int write_done(struct sqlite_conn *writer, void *data, struct err *err)
{
	return conn_run(writer, err, "UPDATE removed SET due = 0 WHERE id = ?", "i", *(const int64_t *)data + 1);
}

int sqlite_removed_done(struct dataset *dataset, int64_t id, struct err *err)
{
	return db_write(dataset_db(dataset), true, write_done, &id, err);
}

/* --- reading ------------------------------------------------------------------------------------------------------ */

int tombstones_load(struct sqlite_conn *conn, bool due, int64_t after, size_t limit, struct tombstone **out,
                    size_t *count, struct err *err)
{
	static const char all[] = "SELECT " TOMBSTONE_COLUMNS " FROM removed WHERE id > ? ORDER BY id LIMIT ?";
	static const char some[] = "SELECT " TOMBSTONE_COLUMNS " FROM removed WHERE id > ? AND due = 1 ORDER BY id LIMIT ?";
	sqlite3_stmt *stmt =
		conn_query(conn, err, due ? some : all, "ii", after < INT64_MAX ? after + 1 : after, (int64_t)limit);

	return tombstones_give(out, count, tombstones_read(conn, stmt, out, count, err));
}

int sqlite_removed(struct dataset *dataset, bool due, int64_t after, size_t limit, struct tombstone **out,
                   size_t *count, struct err *err)
{
	struct sqlite_conn *conn = db_read(dataset_db(dataset), err);

	if (!conn)
		return -1;
	int failed = tombstones_load(conn, due, after, limit, out, count, err);
	db_read_end(dataset_db(dataset), conn);
	return failed;
}

int sqlite_removed_bytes(struct dataset *dataset, const char *sha256, int64_t *id, struct err *err)
{
	struct sqlite_conn *conn = db_read(dataset_db(dataset), err);

	if (!conn)
		return -1;
	int failed = conn_int64(conn, err, -1, id, "SELECT id - 1 FROM removed WHERE sha256 = ? ORDER BY id DESC LIMIT 1",
	                        "s", sha256);
	db_read_end(dataset_db(dataset), conn);
	return failed;
}
