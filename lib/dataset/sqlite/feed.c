/* The feed of a dataset in SQLite: a row for each item, numbered in its own transaction.
 *
 * One process at a time writes to a database, so numbers are in the order of commits, and who reads up to a number
 * sees every row below it. No row is ever removed, so that the next number is always above all before. A feed that
 * was made anew has another name, which keys carry. */
#include "dataset/sqlite/internal.h"

#include <inttypes.h>

#include "base/text.h"

/* --- writing ------------------------------------------------------------------------------------------------------ */

int feed_add(struct sqlite_conn *writer, const struct feed_item *item, struct err *err)
{
	return conn_run(writer, err, "INSERT INTO feed (kind, sample, label, by, at) VALUES (?1, ?2, ?3, ?4, ?5)", "iissi",
	                (int64_t)item->kind, item->id + 1, item->label, item->by, item->at);
}

/* An upload comes before the label that it brought. A label without an event is an item, too. */
static const char FILL[] =
	"DELETE FROM feed;"
	"INSERT OR REPLACE INTO settings VALUES ('feed', lower(hex(randomblob(8))));"
	"INSERT INTO feed (kind, sample, label, by, at) SELECT kind, sample, label, by, at FROM ("
	" SELECT 1 AS kind, id AS sample, 0 AS n, '' AS label, COALESCE(uploaded_by, '') AS by, uploaded_at AS at"
	"  FROM samples WHERE uploaded_at > 0"
	" UNION ALL SELECT 0, sample, n, label, by, at FROM events"
	" UNION ALL SELECT 0, id, 1, label, COALESCE(labelled_by, ''), COALESCE(labelled_at, 0) FROM samples"
	"  WHERE label <> '' AND NOT EXISTS (SELECT 1 FROM events WHERE events.sample = samples.id)"
	" UNION ALL SELECT 2, id, 0, '', by, at FROM removed"
	") ORDER BY at, sample, n;";

int feed_refill(struct sqlite_conn *writer, struct err *err)
{
	return conn_script(writer, FILL, err);
}

/* --- reading ------------------------------------------------------------------------------------------------------ */

static int feed_name(struct sqlite_conn *conn, char **name, struct err *err)
{
	sqlite3_stmt *stmt = conn_query(conn, err, "SELECT value FROM settings WHERE key = 'feed'", "");
	int row = stmt ? conn_step(conn, stmt, err) : -1;

	if (row < 1)
		return row < 0 ? -1 : err_set(err, ERR_INTERNAL, "The dataset's feed has no name");
	*name = column_text(stmt, 0);
	conn_done(stmt);
	return 0;
}

/* Where a reader is: behind the item of this number, which was made at this time. After a backup was restored another
 * one may have its number. */
struct place {
	int64_t n, at;
};

/* A key is the feed's name, and the place. */
static int feed_place(struct sqlite_conn *conn, const char *name, const char *after, struct place *place,
                      struct err *err)
{
	size_t len = strlen(name);
	int64_t known = 1;

	*place = (struct place){.n = 0};
	if (!*after)
		return 0;
	bool same = strncmp(after, name, len) == 0 &&
	            sscanf(after + len, "-%" SCNd64 "-%" SCNd64, &place->n, &place->at) == 2;
	if (same && place->n > 0 &&
	    conn_int64(conn, err, 0, &known, "SELECT 1 FROM feed WHERE n = ? AND at = ?", "ii", place->n, place->at))
		return -1;
	return same && known ? 0 : feed_gone("the dataset was restored from a backup", err);
}

static int feed_rows(struct sqlite_conn *conn, struct place *place, size_t limit, feed_visit *visit, void *data,
                     struct err *err)
{
	sqlite3_stmt *stmt = conn_query(
		conn, err, "SELECT n, kind, sample, label, by, at FROM feed WHERE n > ? ORDER BY n LIMIT ?", "ii", place->n,
		(int64_t)limit);
	int row = -1;

	while (stmt && (row = conn_step(conn, stmt, err)) == 1) {
		const struct feed_item item = {.kind = (enum feed_kind)sqlite3_column_int(stmt, 1),
		                               .id = sqlite3_column_int64(stmt, 2) - 1,
		                               .label = column_peek(stmt, 3),
		                               .by = column_peek(stmt, 4),
		                               .at = sqlite3_column_int64(stmt, 5)};

		*place = (struct place){sqlite3_column_int64(stmt, 0), item.at};
		visit(data, &item);
	}
	return row;
}

int sqlite_feed_read(struct dataset *dataset, const char *after, size_t limit, feed_visit *visit, void *data,
                     char next[FEED_KEY_MAX], struct err *err)
{
	struct sqlite_conn *conn = db_read(dataset_db(dataset), err);
	char *name = NULL;
	struct place place;

	if (!conn)
		return -1;
	int failed = feed_name(conn, &name, err) || feed_place(conn, name, after, &place, err) ||
	             feed_rows(conn, &place, limit, visit, data, err);
	db_read_end(dataset_db(dataset), conn);
	if (!failed)
		snprintf(next, FEED_KEY_MAX, "%s-%" PRId64 "-%" PRId64, name, place.n, place.at);
	free(name);
	return failed;
}
