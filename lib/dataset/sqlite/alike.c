/* Gathers what a change of many samples writes in SQLite, and writes what is alike with one statement for all of them.
 *
 * A statement for each sample takes four times as long as one for a thousand. */
#include "dataset/sqlite/internal.h"

enum {
	ALIKE_MAX = 32, /* different writes that are gathered */
	ALIKE_TEXTS = 5,
	ALIKE_NUMBERS = 4,
};

struct alike {
	enum { ALIKE_SAMPLE, ALIKE_EVENT, ALIKE_EVENT_FED } kind;
	const char *text[ALIKE_TEXTS]; /* owned once gathered */
	int64_t number[ALIKE_NUMBERS];
	struct buf rows; /* a list in JSON, not yet ended */
};

struct gathered {
	size_t count;
	struct alike item[ALIKE_MAX];
};

/* A label of many samples spends a tenth of its time in snprintf otherwise. */
int rows_append(struct buf *rows, int64_t row, struct err *err)
{
	char text[24], *digit = text + sizeof(text);

	for (uint64_t rest = (uint64_t)row; rest > 0 || digit == text + sizeof(text); rest /= 10)
		*--digit = (char)('0' + rest % 10);
	*--digit = rows->len ? ',' : '[';
	return buf_add(rows, digit, (size_t)(text + sizeof(text) - digit))
	               ? err_set(err, ERR_INTERNAL, "Too many samples are changed at once")
	               : 0;
}

int rows_end(struct buf *rows, struct err *err)
{
	return buf_str(rows, rows->len ? "]" : "[]") ? err_set(err, ERR_INTERNAL, "Too many samples are changed at once") : 0;
}

void gather_begin(struct sqlite_conn *writer)
{
	writer->gathered = memory_new(1, sizeof(*writer->gathered));
}

static void gathered_clear(struct gathered *gathered)
{
	for (size_t i = 0; i < gathered->count; i++) {
		for (size_t j = 0; j < ALIKE_TEXTS; j++)
			free((char *)(uintptr_t)gathered->item[i].text[j]);
		buf_release(&gathered->item[i].rows);
	}
	gathered->count = 0;
}

void gather_drop(struct sqlite_conn *writer)
{
	if (writer->gathered)
		gathered_clear(writer->gathered);
	free(writer->gathered);
	writer->gathered = NULL;
}

/* --- writing ------------------------------------------------------------------------------------------------------ */

static int write_alike(struct sqlite_conn *writer, struct alike *alike, struct err *err)
{
	const char *const *text = alike->text;
	const int64_t *number = alike->number;

	if (rows_end(&alike->rows, err))
		return -1;
	const char *rows = buf_text(&alike->rows);
	if (alike->kind == ALIKE_SAMPLE)
		return conn_run(writer, err,
		                "UPDATE" OR_FAIL "samples SET label = ?2, state = ?3, version = version + 1, labelled_at = ?4,"
		                " labelled_by = ?5, slots = ?6, " TALLIED " WHERE id IN (SELECT value FROM json_each(?1))",
		                "ssiisi", rows, text[0], number[0], number[1], text[1], number[2]);
	return conn_run(writer, err,
	                "INSERT" OR_FAIL "INTO events"
	                " (sample, n, label, by, at, source, lead_time_ms, request, undoes, merged)"
	                " SELECT value, ?2, ?3, ?4, ?5, ?6, ?7, ?8, NULLIF(?9, 0), NULLIF(?10, '') FROM json_each(?1)",
	                "sissisisis", rows, number[0], text[0], text[1], number[1], text[2], number[2], text[3], number[3],
	                text[4]) ||
	       (alike->kind == ALIKE_EVENT_FED &&
	        conn_run(writer, err,
	                 "INSERT INTO feed (kind, sample, label, by, at) SELECT ?2, value, ?3, ?4, ?5 FROM json_each(?1)",
	                 "sissi", rows, (int64_t)FEED_LABEL, text[0], text[1], number[1]));
}

static int write_gathered(struct sqlite_conn *writer, struct err *err)
{
	struct gathered *gathered = writer->gathered;
	int failed = 0;

	for (size_t i = 0; i < gathered->count && !failed; i++)
		failed = write_alike(writer, &gathered->item[i], err);
	gathered_clear(gathered);
	return failed;
}

int gather_end(struct sqlite_conn *writer, struct err *err)
{
	int failed = write_gathered(writer, err);

	gather_drop(writer);
	return failed;
}

/* --- gathering ---------------------------------------------------------------------------------------------------- */

static bool texts_alike(const char *one, const char *other)
{
	return one && other ? strcmp(one, other) == 0 : one == other;
}

static bool are_alike(const struct alike *one, const struct alike *other)
{
	bool same = one->kind == other->kind && memcmp(one->number, other->number, sizeof(one->number)) == 0;

	for (size_t i = 0; i < ALIKE_TEXTS && same; i++)
		same = texts_alike(one->text[i], other->text[i]);
	return same;
}

static int gather(struct sqlite_conn *writer, int64_t row, const struct alike *like, struct err *err)
{
	struct gathered *gathered = writer->gathered;
	size_t at = 0;

	while (at < gathered->count && !are_alike(&gathered->item[at], like))
		at++;
	if (at == ALIKE_MAX && write_gathered(writer, err))
		return -1;
	if (at == ALIKE_MAX)
		at = 0;
	struct alike *alike = &gathered->item[at];
	if (at == gathered->count) {
		*alike = *like;
		for (size_t i = 0; i < ALIKE_TEXTS; i++)
			alike->text[i] = like->text[i] ? memory_text(like->text[i]) : NULL;
		buf_init(&alike->rows, ROWS_BYTES_MAX);
		gathered->count++;
	}
	return rows_append(&alike->rows, row, err);
}

int gather_event(struct sqlite_conn *writer, int64_t row, int64_t n, const struct label_event *event,
                 const char *request, bool feeds, struct err *err)
{
	const struct alike like = {
		.kind = feeds ? ALIKE_EVENT_FED : ALIKE_EVENT,
		.text = {event->label, event->by, event->source, request, event->merged},
		.number = {n, event->at, event->lead_time_ms, event->undoes},
	};

	return gather(writer, row, &like, err);
}

int gather_settled(struct sqlite_conn *writer, int64_t row, const struct rules_settled *settled, struct err *err)
{
	const struct rules_outcome *outcome = &settled->outcome;
	const struct alike like = {
		.kind = ALIKE_SAMPLE,
		.text = {outcome->label, outcome->by},
		.number = {(int64_t)outcome->state, outcome->at, settled->places},
	};

	return gather(writer, row, &like, err);
}
