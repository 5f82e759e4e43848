/* Finds in SQLite the events by which a person gave labels, the newest first, and their samples. */
#include "dataset/sqlite/internal.h"

/* Its conditions are those of the index (schema.c). */
static const char PLACES[] =
	"SELECT at, sample, n FROM events INDEXED BY events_by_person WHERE by = ?1 AND by <> '' AND label <> ''"
	" AND (at, sample, n) < (?2, ?3, ?4) ORDER BY at DESC, sample DESC, n DESC LIMIT ?5";

static int find_places(struct sqlite_conn *conn, const char *user, const struct saying_place *after, size_t limit,
                       struct sayings_found *out, struct err *err)
{
	sqlite3_stmt *stmt =
		conn_query(conn, err, PLACES, "siiii", user, after->at, after->id + 1, after->n, (int64_t)limit);
	int row = -1;

	out->places = memory_new(limit, sizeof(*out->places));
	while (stmt && (row = conn_step(conn, stmt, err)) == 1)
		out->places[out->count++] = (struct saying_place){.at = sqlite3_column_int64(stmt, 0),
		                                                  .id = sqlite3_column_int64(stmt, 1) - 1,
		                                                  .n = sqlite3_column_int64(stmt, 2)};
	return row;
}

static int place_by_id(const void *a, const void *b)
{
	const int64_t *one = a, *other = b;

	return (*one > *other) - (*one < *other);
}

static int load_said(struct sqlite_conn *conn, int64_t id, struct dataset_record *out, struct err *err)
{
	struct events events = {.count = 0};
	int failed = sample_load(conn, id + 1, &out->sample, err) || events_load(conn, id + 1, &events, err);

	out->events = events.item;
	out->event_count = events.count;
	return failed;
}

static int load_all_said(struct sqlite_conn *conn, struct sayings_found *out, struct err *err)
{
	int64_t *ids = memory_new(out->count + 1, sizeof(*ids));
	int failed = 0;

	for (size_t i = 0; i < out->count; i++)
		ids[i] = out->places[i].id;
	qsort(ids, out->count, sizeof(*ids), place_by_id);
	out->records = memory_new(out->count + 1, sizeof(*out->records));
	for (size_t i = 0; i < out->count && !failed; i++) {
		if (i == 0 || ids[i] != ids[i - 1])
			failed = load_said(conn, ids[i], &out->records[out->record_count++], err);
	}
	free(ids);
	return failed;
}

int sqlite_sayings(struct dataset *dataset, const char *user, const struct saying_place *after, size_t limit,
                   struct sayings_found *out, struct err *err)
{
	struct sqlite_conn *conn = db_read(dataset_db(dataset), err);

	if (!conn)
		return -1;
	/* In one snapshot, so that what an event is of is there. */
	int failed = conn_run(conn, err, "BEGIN", "") || find_places(conn, user, after, limit, out, err) ||
	             load_all_said(conn, out, err);
	conn_run(conn, NULL, "COMMIT", "");
	db_read_end(dataset_db(dataset), conn);
	return failed;
}
