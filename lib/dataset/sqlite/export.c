/* Reads all that a SQLite database holds of a dataset, for another store. */
#include "dataset/sqlite/internal.h"

/* --- the outline -------------------------------------------------------------------------------------------------- */

static int notes_load(struct sqlite_conn *conn, struct dataset_outline *out, struct err *err)
{
	sqlite3_stmt *stmt = conn_query(conn, err,
	                                "SELECT substr(key, 6), value FROM settings WHERE key >= 'note:' AND key < 'note;'"
	                                " ORDER BY key",
	                                "");
	int row = stmt ? 1 : -1;

	while (stmt && (row = conn_step(conn, stmt, err)) == 1) {
		out->notes = memory_grow(out->notes, out->note_count + 1, sizeof(*out->notes));
		out->notes[out->note_count++] = (struct dataset_note){column_text(stmt, 0), column_text(stmt, 1)};
	}
	return row < 0;
}

static int former_outline(struct sqlite_conn *conn, struct dataset_outline *out, struct err *err)
{
	struct relabelling now;
	int failed = relabel_load(conn, &now, err) || (now.from && outline_refuse(now.from, err));

	relabel_release(&now);
	sqlite3_stmt *stmt = failed ? NULL : conn_query(conn, err, "SELECT label, key FROM former_labels", "");
	int row = stmt ? 1 : -1;
	while (stmt && (row = conn_step(conn, stmt, err)) == 1)
		outline_add_former(out, column_peek(stmt, 0), sqlite3_column_int64(stmt, 1));
	return row;
}

static int outline_read(struct sqlite_conn *conn, const char *name, struct dataset_outline *out, struct err *err)
{
	struct dataset_labels labels = {.count = 0};
	int failed = base_dir_load(conn, name, &out->base_dir, err) || policy_load(conn, &out->policy, err) ||
	             labels_load(conn, false, &labels, err) ||
	             conn_int64(conn, err, 0, &out->next_label, "SELECT value FROM settings WHERE key = 'next_label_key'",
	                        "") ||
	             former_outline(conn, out, err) || notes_load(conn, out, err);

	if (labels.count > 1)
		qsort(labels.item, labels.count, sizeof(*labels.item), label_by_key);
	out->labels = labels.item;
	out->label_count = labels.count;
	return failed;
}

int sqlite_outline(struct dataset *dataset, struct dataset_outline *out, struct err *err)
{
	struct sqlite_conn *conn = db_read(dataset_db(dataset), err);

	if (!conn)
		return -1;
	int failed = conn_run(conn, err, "BEGIN", "") || outline_read(conn, dataset->name, out, err);
	conn_run(conn, NULL, "COMMIT", "");
	db_read_end(dataset_db(dataset), conn);
	return failed;
}

/* --- records ------------------------------------------------------------------------------------------------------ */

struct page {
	struct dataset_record *records;
	size_t count, at; /* at: the record whose events or votes come now */
};

/* The record of a row in another table, whose rows come in the same order. */
static struct dataset_record *record_at(struct page *page, int64_t row)
{
	while (page->at < page->count && page->records[page->at].sample.id < row - 1)
		page->at++;
	return page->at < page->count && page->records[page->at].sample.id == row - 1 ? &page->records[page->at] : NULL;
}

#define EXPORTED "SELECT " SAMPLE_COLUMNS ", url, position FROM samples "

/* sql: EXPORTED, with an id and a limit. */
static int export_read_samples(struct sqlite_conn *conn, const char *sql, int64_t after, size_t limit,
                               struct page *page, struct err *err)
{
	sqlite3_stmt *stmt = conn_query(conn, err, sql, "ii", after + 1, (int64_t)limit);
	int row = stmt ? 1 : -1;

	while (stmt && (row = conn_step(conn, stmt, err)) == 1) {
		struct dataset_record *record = &page->records[page->count++];
		int64_t position = sqlite3_column_int64(stmt, SAMPLE_COLUMN_COUNT + 1);

		sample_read(stmt, &record->sample);
		record->url = column_text(stmt, SAMPLE_COLUMN_COUNT);
		record->added_at = record->sample.uploaded_at;
		record->requeued = position > QUEUE_END_BASE ? position - QUEUE_END_BASE : 0;
	}
	return row < 0;
}

static void record_add_event(struct dataset_record *record, sqlite3_stmt *stmt)
{
	record->events = memory_grow(record->events, record->event_count + 1, sizeof(*record->events));
	record->events[record->event_count++] = (struct label_event){.label = column_text(stmt, 1),
	                                                             .by = column_text(stmt, 2),
	                                                             .at = sqlite3_column_int64(stmt, 3),
	                                                             .source = column_text(stmt, 4),
	                                                             .lead_time_ms = sqlite3_column_int64(stmt, 5),
	                                                             .undoes = sqlite3_column_int64(stmt, 6),
	                                                             .merged = column_text(stmt, 7)};
}

static void add_vote(struct dataset_record *record, sqlite3_stmt *stmt)
{
	record->votes = memory_grow(record->votes, record->vote_count + 1, sizeof(*record->votes));
	struct dataset_vote *vote = &record->votes[record->vote_count++];
	vote->user = column_text(stmt, 1);
	vote->label = sqlite3_column_type(stmt, 2) == SQLITE_NULL ? NULL : column_text(stmt, 2);
}

/* Adds the rows that `sql` finds for the page's samples to their records, in the order of the samples. */
static int read_each(struct sqlite_conn *conn, struct page *page, const char *sql,
                     void (*add)(struct dataset_record *record, sqlite3_stmt *row), struct err *err)
{
	const struct dataset_record *last = &page->records[page->count - 1];
	sqlite3_stmt *stmt =
		conn_query(conn, err, sql, "ii", page->records[0].sample.id + 1, last->sample.id + 1);
	int row = stmt ? 1 : -1;

	page->at = 0;
	while (stmt && (row = conn_step(conn, stmt, err)) == 1) {
		struct dataset_record *record = record_at(page, sqlite3_column_int64(stmt, 0));

		if (record)
			add(record, stmt);
	}
	return row < 0;
}

static int export_read_page(struct sqlite_conn *conn, int64_t after, size_t limit, struct page *page, struct err *err)
{
	struct tombstone *tombstones = NULL;
	size_t count = 0;

	if (export_read_samples(conn, EXPORTED "WHERE id > ? ORDER BY id LIMIT ?", after, limit, page, err) ||
	    tombstones_load(conn, false, after, limit, &tombstones, &count, err))
		return -1;
	page->count = records_with_tombstones(page->records, page->count, tombstones, count, limit);
	if (page->count == 0)
		return 0;
	return read_each(conn, page,
	                 "SELECT sample, label, by, at, source, lead_time_ms, undoes, merged FROM events"
	                 " WHERE sample BETWEEN ? AND ? ORDER BY sample, n",
	                 record_add_event, err) ||
	       read_each(conn, page,
	                 "SELECT sample, user, label FROM votes WHERE sample BETWEEN ? AND ? ORDER BY sample",
	                 add_vote, err);
}

int sqlite_records(struct dataset *dataset, int64_t after, size_t limit, struct dataset_record **out, size_t *count,
                   struct err *err)
{
	struct sqlite_conn *conn = db_read(dataset_db(dataset), err);
	struct page page = {.records = memory_new(limit, sizeof(*page.records))};

	if (!conn) {
		free(page.records);
		return -1;
	}
	/* In one snapshot, so that each record is from one moment. */
	int failed = conn_run(conn, err, "BEGIN", "") || export_read_page(conn, after, limit, &page, err);
	conn_run(conn, NULL, "COMMIT", "");
	db_read_end(dataset_db(dataset), conn);
	*out = page.records;
	*count = page.count;
	if (!failed)
		return 0;
	for (size_t i = 0; i < page.count; i++)
		dataset_record_release(&page.records[i]);
	free(page.records);
	return -1;
}

/* --- everything --------------------------------------------------------------------------------------------------- */

static int pass_outline(struct sqlite_conn *conn, const char *name, const struct dataset_export *to, struct err *err)
{
	struct dataset_outline outline = {.base_dir = NULL};
	int failed = outline_read(conn, name, &outline, err) || to->outline(to->data, &outline, err);

	dataset_outline_release(&outline);
	return failed;
}

static int export_counts(struct sqlite_conn *conn, const struct dataset_export *to, struct err *err)
{
	struct dataset_counts counts = {.size = 0};
	struct dataset_labels labels = {.count = 0};
	struct stats_kept stats = {.count = {0}};

	if (!to->counts)
		return 0;
	int failed = counts_load(conn, &counts, err) || labels_load(conn, true, &labels, err) ||
	             stats_load(conn, &stats, err) || to->counts(to->data, &counts, &labels, &stats, err);
	stats_kept_release(&stats);
	dataset_labels_release(&labels);
	return failed;
}

static int pass_records(struct sqlite_conn *conn, const struct dataset_export *to, struct err *err)
{
	struct page page = {.records = memory_new(DATASET_RESTORE_MAX, sizeof(*page.records))};
	int64_t after = -1;
	int failed;

	do {
		page.count = page.at = 0;
		failed = export_read_page(conn, after, DATASET_RESTORE_MAX, &page, err) ||
		         (page.count > 0 && to->records(to->data, page.records, page.count, err));
		for (size_t i = 0; i < page.count; i++) {
			after = page.records[i].sample.id;
			dataset_record_release(&page.records[i]);
		}
	} while (!failed && page.count == DATASET_RESTORE_MAX);
	free(page.records);
	return failed;
}

/* One transaction, which sees one moment and keeps no writer waiting. */
int sqlite_export(struct dataset *dataset, const struct dataset_export *to, struct err *err)
{
	struct sqlite_conn *conn = db_read(dataset_db(dataset), err);

	if (!conn)
		return -1;
	int failed = conn_run(conn, err, "BEGIN", "") || pass_outline(conn, dataset->name, to, err) ||
	             export_counts(conn, to, err) || pass_records(conn, to, err);
	conn_run(conn, NULL, "COMMIT", "");
	db_read_end(dataset_db(dataset), conn);
	return failed;
}

/* --- of samples whose answer is known ----------------------------------------------------------------------------- */

#define OF_GOLD " WHERE sample BETWEEN ? AND ? AND sample IN (SELECT id FROM samples WHERE known_answer = 1)"

static int gold_read_page(struct sqlite_conn *conn, struct page *page, struct err *err)
{
	int64_t golds;

	if (conn_int64(conn, err, 0, &golds, "SELECT n FROM counts WHERE kind = 'gold'", ""))
		return -1;
	page->records = memory_new((size_t)golds + 1, sizeof(*page->records));
	if (export_read_samples(conn, EXPORTED "INDEXED BY samples_gold WHERE known_answer = 1 AND id > ? ORDER BY id LIMIT ?",
	                        -1, (size_t)golds, page, err))
		return -1;
	if (page->count == 0)
		return 0;
	return read_each(conn, page,
	                 "SELECT sample, label, by, at, source, lead_time_ms, undoes, merged FROM events" OF_GOLD
	                 " ORDER BY sample, n",
	                 record_add_event, err) ||
	       read_each(conn, page, "SELECT sample, user, label FROM votes" OF_GOLD " ORDER BY sample", add_vote, err);
}

static int gold_in_snapshot(struct sqlite_conn *conn, struct page *page, struct err *err)
{
	int failed = conn_run(conn, err, "BEGIN", "") || gold_read_page(conn, page, err);

	conn_run(conn, NULL, "COMMIT", "");
	return failed;
}

int sqlite_gold(struct dataset *dataset, struct dataset_record **out, size_t *count, struct err *err)
{
	struct sqlite_conn *conn = db_read(dataset_db(dataset), err);
	struct page page = {.count = 0};
	int failed = !conn || gold_in_snapshot(conn, &page, err);

	if (conn)
		db_read_end(dataset_db(dataset), conn);
	*out = page.records;
	*count = page.count;
	return failed;
}
