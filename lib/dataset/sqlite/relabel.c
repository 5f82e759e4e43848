/* Applies a label's new name, or its merge into another one, to the existing samples in SQLite (catchup.c). */
#include "dataset/sqlite/internal.h"

#include "base/memory.h"
#include "base/text.h"
#include "dataset/rules.h"

int relabel_load(struct sqlite_conn *conn, struct relabelling *out, struct err *err)
{
	sqlite3_stmt *stmt = conn_query(conn, err,
	                                "SELECT relabelling.label, labels.label, relabelling.by, COALESCE(merged, -1)"
	                                " FROM relabelling JOIN labels ON labels.key = relabelling.key",
	                                "");
	int row = stmt ? conn_step(conn, stmt, err) : -1;

	*out = (struct relabelling){.merged = -1};
	if (row < 1)
		return row;
	out->from = column_text(stmt, 0);
	out->to = column_text(stmt, 1);
	out->by = column_text(stmt, 2);
	out->merged = sqlite3_column_int64(stmt, 3);
	conn_done(stmt);
	return 0;
}

void relabel_release(struct relabelling *relabelling)
{
	free(relabelling->from);
	free(relabelling->to);
	free(relabelling->by);
}

/* --- a new name --------------------------------------------------------------------------------------------------- */

/* An event with this name from before a merge meant another label. */
static const char RENAME_EVENTS[] =
	"UPDATE events SET label = ?4 WHERE sample > ?1 AND sample <= ?2 AND label = ?3"
	" AND n > COALESCE((SELECT MAX(n) FROM events AS merge WHERE merge.sample = events.sample AND merge.merged = ?3), 0)";

static int relabel_rename(struct sqlite_conn *writer, int64_t after, int64_t last, const struct relabelling *now,
                          struct err *err)
{
	if (conn_run(writer, err, "UPDATE samples SET label = ?4, " TALLIED " WHERE id > ?1 AND id <= ?2 AND label = ?3",
	             "iiss", after, last, now->from, now->to))
		return -1;
	int64_t count = sqlite3_changes64(writer->db);
	return tally_label(writer, now->from, -count, err) || tally_label(writer, now->to, count, err) ||
	       conn_run(writer, err, "UPDATE votes SET label = ?4 WHERE sample > ?1 AND sample <= ?2 AND label = ?3", "iiss",
	                after, last, now->from, now->to) ||
	       conn_run(writer, err, RENAME_EVENTS, "iiss", after, last, now->from, now->to);
}

/* --- a merge ------------------------------------------------------------------------------------------------------ */

/* An event that was merged since meant another label. */
#define NOT_MERGED                                                                                                 \
	"NOT EXISTS (SELECT 1 FROM events AS later WHERE later.sample = events.sample AND later.n > events.n AND " \
	"later.merged = ?3)"

/* Samples that have the label, for which somebody has voted for it, or that had it, so that an undo may return to
 * it. */
static const char CONCERNED[] =
	"SELECT id FROM samples WHERE id > ?1 AND id <= ?2 AND label = ?3"
	" UNION SELECT sample FROM votes WHERE sample > ?1 AND sample <= ?2 AND label = ?3"
	" UNION SELECT sample FROM events WHERE sample > ?1 AND sample <= ?2 AND label = ?3 AND " NOT_MERGED;

/* A decision that no undo has taken back, no later decision has replaced, and that was not merged since. */
static const char DECIDED[] =
	"WITH effective AS NOT MATERIALIZED (SELECT sample, n, label, source, merged FROM events"
	" WHERE source NOT IN (" RULES_VOTE_SOURCES ", 'undo') AND NOT EXISTS"
	"  (SELECT 1 FROM events AS undo WHERE undo.sample = events.sample AND undo.undoes = events.n))"
	" SELECT 1 FROM effective WHERE label = ?1 AND NOT EXISTS (SELECT 1 FROM effective AS later"
	"  WHERE later.sample = effective.sample AND later.n > effective.n AND (later.merged = ?1"
	"   OR (effective.source <> '" RULES_MERGE "' AND later.source <> '" RULES_MERGE "'))) LIMIT 1";

/* A label that came by a merge counts as decided: what it was before may be a decision. */
int decided_any(struct sqlite_conn *writer, const char *label, int64_t *any, struct err *err)
{
	return conn_int64(writer, err, 0, any, DECIDED, "s", label);
}

static int merge_sample(struct sqlite_conn *writer, int64_t row, struct rules_quorum quorum,
                        const struct relabelling *now, struct err *err)
{
	const struct label_event merge = {.label = now->to,
	                                  .by = now->by,
	                                  .at = text_now(),
	                                  .source = RULES_MERGE,
	                                  .lead_time_ms = -1,
	                                  .merged = now->from};
	struct said said = {.row = row};
	bool found;
	int failed = conn_run(writer, err, "UPDATE votes SET label = ?3 WHERE sample = ?1 AND label = ?2", "iss", row,
	                      now->from, now->to) ||
	             said_load(writer, row, &said, &found, err);

	failed = failed || said_add_event(writer, &said, &merge, NULL, err) ||
	         said_settle(writer, &said, quorum, NULL, err);
	said_release(&said);
	return failed;
}

struct rows {
	int64_t *row;
	size_t count;
};

static int rows_read(struct sqlite_conn *writer, sqlite3_stmt *stmt, struct rows *rows, struct err *err)
{
	int step = stmt ? 1 : -1;

	while (stmt && (step = conn_step(writer, stmt, err)) == 1) {
		rows->row = memory_grow(rows->row, rows->count + 1, sizeof(*rows->row));
		rows->row[rows->count++] = sqlite3_column_int64(stmt, 0);
	}
	return step;
}

static int relabel_merge(struct sqlite_conn *writer, int64_t after, int64_t last, const struct relabelling *now,
                         struct err *err)
{
	struct rules_quorum quorum;
	struct rows rows = {.count = 0};

	int failed = quorum_load(writer, &quorum, err) ||
	             rows_read(writer, conn_query(writer, err, CONCERNED, "iis", after, last, now->from), &rows, err);
	for (size_t i = 0; i < rows.count && !failed; i++)
		failed = merge_sample(writer, rows.row[i], quorum, now, err);
	free(rows.row);
	return failed;
}

/* --- both --------------------------------------------------------------------------------------------------------- */

int relabel_samples(struct sqlite_conn *writer, int64_t after, int64_t last, struct err *err)
{
	struct relabelling now;
	int failed = relabel_load(writer, &now, err);

	if (!failed && now.from)
		failed = now.merged >= 0 ? relabel_merge(writer, after, last, &now, err)
		                         : relabel_rename(writer, after, last, &now, err);
	relabel_release(&now);
	return failed;
}

/* Looks again at what seeds have added meanwhile by the former name. */
int relabel_end(struct sqlite_conn *writer, bool *ended, struct err *err)
{
	int64_t left;

	if (tally_write(writer, err) ||
	    conn_int64(writer, err, 0, &left,
	               "SELECT 1 FROM counts WHERE kind = 'label' AND n > 0 AND name = (SELECT label FROM relabelling)", ""))
		return -1;
	*ended = !left;
	if (left)
		return 0;
	return conn_run(writer, err, "DELETE FROM labels WHERE key IN (SELECT merged FROM relabelling)", "") ||
	       conn_run(writer, err, "DELETE FROM relabelling", "");
}
