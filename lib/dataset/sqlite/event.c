/* The label events of samples in SQLite: appends and visits them, and reads them for rules.h. */
#include "dataset/sqlite/internal.h"

#include "dataset/rules.h"

static struct label_event read_event(sqlite3_stmt *stmt)
{
	return (struct label_event){.label = column_peek(stmt, 0),
	                            .by = column_peek(stmt, 1),
	                            .at = sqlite3_column_int64(stmt, 2),
	                            .source = column_peek(stmt, 3),
	                            .lead_time_ms = sqlite3_column_int64(stmt, 4),
	                            .undoes = sqlite3_column_int64(stmt, 5),
	                            .merged = column_peek(stmt, 6)};
}

int sqlite_history(struct dataset *dataset, int64_t id, label_event_visit *visit, void *data, struct err *err)
{
	struct sqlite_conn *conn = db_read(dataset_db(dataset), err);
	int64_t known = 0;

	if (!conn)
		return -1;
	int row = conn_int64(conn, err, 0, &known, "SELECT 1 FROM samples WHERE id = ?", "i", id + 1);
	if (row == 0 && !known)
		row = err_set(err, ERR_NOT_FOUND, "Sample not found");
	sqlite3_stmt *stmt =
		row ? NULL
		    : conn_query(conn, err, "SELECT " EVENT_COLUMNS " FROM events WHERE sample = ? ORDER BY n", "i", id + 1);
	while (stmt && (row = conn_step(conn, stmt, err)) == 1) {
		struct label_event event = read_event(stmt);

		visit(data, &event);
	}
	db_read_end(dataset_db(dataset), conn);
	return !stmt || row;
}

int event_uncount(struct sqlite_conn *writer, const struct label_event *events, size_t count, int64_t undoes,
                  struct err *err)
{
	return undoes > 0 && (size_t)undoes <= count ? tally_event(writer, &events[undoes - 1], -1, err) : 0;
}

int event_insert(struct sqlite_conn *writer, int64_t row, int64_t n, const struct label_event *event,
                 const char *request, struct err *err)
{
	if (tally_event(writer, event, 1, err))
		return -1;
	if (writer->gathered)
		return gather_event(writer, row, n, event, request, false, err);
	return conn_run(writer, err,
	                "INSERT" OR_FAIL "INTO events"
	                " (sample, n, label, by, at, source, lead_time_ms, request, undoes, merged)"
	                " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, NULLIF(?9, 0), NULLIF(?10, ''))",
	                "iissisisis", row, n, event->label, event->by, event->at, event->source, event->lead_time_ms, request,
	                event->undoes, event->merged);
}

int event_add(struct sqlite_conn *writer, int64_t row, int64_t n, const struct label_event *event, const char *request,
              struct err *err)
{
	const struct feed_item item = {
		.kind = FEED_LABEL, .id = row - 1, .label = event->label, .by = event->by, .at = event->at};

	if (writer->gathered)
		return tally_event(writer, event, 1, err) || gather_event(writer, row, n, event, request, true, err);
	return event_insert(writer, row, n, event, request, err) || feed_add(writer, &item, err);
}

void events_add(struct events *events, const struct label_event *event)
{
	events->item = memory_grow(events->item, events->count + 1, sizeof(*events->item));
	struct label_event *added = &events->item[events->count++];
	*added = *event;
	added->label = memory_text(event->label);
	added->by = memory_text(event->by);
	added->source = memory_text(event->source);
	added->merged = memory_text(event->merged ? event->merged : "");
}

void events_read(struct events *events, sqlite3_stmt *stmt)
{
	const struct label_event event = read_event(stmt);

	events_add(events, &event);
}

int events_load(struct sqlite_conn *conn, int64_t row, struct events *out, struct err *err)
{
	sqlite3_stmt *stmt =
		conn_query(conn, err, "SELECT " EVENT_COLUMNS " FROM events WHERE sample = ? ORDER BY n", "i", row);
	int step = stmt ? 1 : -1;

	*out = (struct events){.count = 0};
	while (stmt && (step = conn_step(conn, stmt, err)) == 1)
		events_read(out, stmt);
	return step;
}

void events_release(struct events *events)
{
	for (size_t i = 0; i < events->count; i++) {
		free((char *)(uintptr_t)events->item[i].label);
		free((char *)(uintptr_t)events->item[i].by);
		free((char *)(uintptr_t)events->item[i].source);
		free((char *)(uintptr_t)events->item[i].merged);
	}
	free(events->item);
	*events = (struct events){.count = 0};
}
