/* Reads from SQLite who works on a dataset now, and what was labelled last. */
#include "dataset/sqlite/internal.h"

#include "base/text.h"

static int read_working(struct sqlite_conn *conn, struct dataset_activity *out, struct err *err)
{
	sqlite3_stmt *stmt = conn_query(
		conn, err, "SELECT DISTINCT user FROM leases WHERE expires > ? ORDER BY user LIMIT ?", "ii", text_now(),
		(int64_t)ACTIVITY_WORKING_MAX);
	int row = -1;

	while (stmt && (row = conn_step(conn, stmt, err)) == 1)
		activity_add_working(out, column_peek(stmt, 0));
	return row;
}

/* Of samples whose answer is known there are few. */
static int read_last_labelled(struct sqlite_conn *conn, bool but_gold, struct dataset_activity *out, struct err *err)
{
	sqlite3_stmt *stmt = conn_query(conn, err,
	                                "SELECT labelled_at, labelled_by FROM samples WHERE labelled_at > 0"
	                                " AND (?1 = 0 OR known_answer IS NOT 1) ORDER BY labelled_at DESC LIMIT 1",
	                                "i", (int64_t)but_gold);
	int row = stmt ? conn_step(conn, stmt, err) : -1;

	if (row < 1)
		return row;
	out->labelled_at = sqlite3_column_int64(stmt, 0);
	if (*column_peek(stmt, 1))
		out->labelled_by = column_text(stmt, 1);
	conn_done(stmt);
	return 0;
}

int sqlite_activity(struct dataset *dataset, bool but_gold, struct dataset_activity *out, struct err *err)
{
	struct sqlite_conn *conn = db_read(dataset_db(dataset), err);

	if (!conn)
		return -1;
	int failed = read_working(conn, out, err) || read_last_labelled(conn, but_gold, out, err);
	db_read_end(dataset_db(dataset), conn);
	return failed;
}
