/* Reads many samples of SQLite with what was said of them, in order of their rows, by three statements for all. */
#include "dataset/sqlite/internal.h"

#define CHOSEN "IN (SELECT value FROM json_each(?1))"

static const char SAMPLES[] =
	"SELECT " SAID_COLUMNS ", samples.id FROM samples WHERE samples.id " CHOSEN " ORDER BY samples.id";
static const char VOTES[] =
	"SELECT " VOTE_COLUMNS ", sample FROM votes WHERE sample " CHOSEN " ORDER BY sample, user";
static const char EVENTS[] =
	"SELECT " EVENT_COLUMNS ", sample, n, request FROM events WHERE sample " CHOSEN " ORDER BY sample, n";

static int saids_query(struct sqlite_conn *writer, const char *sql, const char *rows, sqlite3_stmt **stmt,
                       struct err *err)
{
	*stmt = conn_query(writer, err, sql, "s", rows);
	return *stmt ? conn_step(writer, *stmt, err) : -1;
}

int saids_begin(struct sqlite_conn *writer, struct saids *saids, struct err *err)
{
	const char *rows = buf_text(&saids->rows);

	saids->sample = saids_query(writer, SAMPLES, rows, &saids->samples, err);
	saids->vote = saids->sample < 0 ? -1 : saids_query(writer, VOTES, rows, &saids->votes, err);
	saids->event = saids->vote < 0 ? -1 : saids_query(writer, EVENTS, rows, &saids->events, err);
	return saids->event < 0;
}

int saids_next(struct sqlite_conn *writer, struct saids *saids, const struct sample_change *change, struct said *out,
               struct events *events, bool *found, bool *given, struct err *err)
{
	int64_t row = change->id + 1;

	*out = (struct said){.row = row};
	*given = false;
	*found = saids->sample == 1 && sqlite3_column_int64(saids->samples, SAID_COLUMN_COUNT) == row;
	if (!*found)
		return 0;
	said_read(out, saids->samples);
	saids->sample = conn_step(writer, saids->samples, err);
	for (; saids->vote == 1 && sqlite3_column_int64(saids->votes, VOTE_COLUMN_COUNT) == row;
	     saids->vote = conn_step(writer, saids->votes, err))
		said_read_vote(out, saids->votes);
	for (; saids->event == 1 && sqlite3_column_int64(saids->events, EVENT_COLUMN_COUNT) == row;
	     saids->event = conn_step(writer, saids->events, err)) {
		const char *request = column_peek(saids->events, EVENT_COLUMN_COUNT + 2);

		events_read(events, saids->events);
		out->events = sqlite3_column_int64(saids->events, EVENT_COLUMN_COUNT + 1);
		*given = *given || (request && change->request && strcmp(request, change->request) == 0 &&
		                    strcmp(events->item[events->count - 1].by, change->user) == 0);
	}
	said_decide_by(out, events);
	return saids->sample < 0 || saids->vote < 0 || saids->event < 0;
}

void saids_end(struct saids *saids)
{
	sqlite3_stmt *const all[] = {saids->samples, saids->votes, saids->events};

	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		if (all[i])
			conn_done(all[i]);
	}
	buf_release(&saids->rows);
}
