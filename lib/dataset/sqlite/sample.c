/* Samples in SQLite: reading them, adding uploaded ones, and what is noted of them. */
#include "dataset/sqlite/internal.h"

#include "base/text.h"
#include "dataset/rules.h"

typedef char *column_get(sqlite3_stmt *stmt, int column);

static void sample_fill(sqlite3_stmt *stmt, struct sample *out, column_get *text)
{
	out->id = sqlite3_column_int64(stmt, 0) - 1;
	out->filepath = text(stmt, 1);
	out->label = text(stmt, 2);
	out->state = (enum sample_state)sqlite3_column_int(stmt, 3);
	out->version = sqlite3_column_int64(stmt, 4);
	out->blob_key = text(stmt, 5);
	out->type = text(stmt, 6);
	out->sha256 = text(stmt, 7);
	out->filename = text(stmt, 8);
	out->bytes = sqlite3_column_int64(stmt, 9);
	out->width = sqlite3_column_int64(stmt, 10);
	out->height = sqlite3_column_int64(stmt, 11);
	out->uploaded_at = sqlite3_column_int64(stmt, 12);
	out->uploaded_by = text(stmt, 13);
	out->labelled_at = sqlite3_column_int64(stmt, 14);
	out->labelled_by = text(stmt, 15);
	out->flag = sqlite3_column_type(stmt, 16) == SQLITE_NULL ? NULL : text(stmt, 16);
	out->flagged_by = text(stmt, 17);
	out->file_sha256 = text(stmt, 18);
	out->file_bytes = sqlite3_column_int64(stmt, 19);
	out->file_modified_ns = sqlite3_column_int64(stmt, 20);
	out->gold = sqlite3_column_int(stmt, 21);
	out->disputed = sqlite3_column_int(stmt, 22);
}

void sample_read(sqlite3_stmt *stmt, struct sample *out)
{
	sample_fill(stmt, out, column_text);
}

static char *column_borrowed(sqlite3_stmt *stmt, int column)
{
	static char empty[1];
	const char *text = column_peek(stmt, column);

	return text ? (char *)(uintptr_t)text : empty;
}

void sample_borrow(sqlite3_stmt *stmt, struct sample *out)
{
	sample_fill(stmt, out, column_borrowed);
}

static int sample_from(struct sqlite_conn *conn, sqlite3_stmt *stmt, struct sample *out, struct err *err)
{
	int row = stmt ? conn_step(conn, stmt, err) : -1;

	if (row < 0)
		return -1;
	if (row == 0)
		return err_set(err, ERR_NOT_FOUND, "Sample not found");
	sample_read(stmt, out);
	conn_done(stmt);
	return 0;
}

int sample_load(struct sqlite_conn *conn, int64_t row, struct sample *out, struct err *err)
{
	return sample_from(conn, conn_query(conn, err, "SELECT " SAMPLE_COLUMNS " FROM samples WHERE id = ?", "i", row), out,
	                   err);
}

int sqlite_sample(struct dataset *dataset, int64_t id, struct sample *out, struct err *err)
{
	if (id < 0 || id == INT64_MAX)
		return err_set(err, ERR_NOT_FOUND, "Sample not found");
	struct sqlite_conn *conn = db_read(dataset_db(dataset), err);
	if (!conn)
		return -1;
	int failed = sample_load(conn, id + 1, out, err);
	db_read_end(dataset_db(dataset), conn);
	return failed;
}

static int sample_by(struct dataset *dataset, const char *sql, const char *value, struct sample *out, struct err *err)
{
	struct sqlite_conn *conn = db_read(dataset_db(dataset), err);

	if (!conn)
		return -1;
	int failed = sample_from(conn, conn_query(conn, err, sql, "s", value), out, err);
	db_read_end(dataset_db(dataset), conn);
	return failed;
}

int sqlite_each_label(struct dataset *dataset, int64_t *after, size_t limit, dataset_label_visit *visit, void *data,
                      size_t *count, struct err *err)
{
	struct sqlite_conn *conn = db_read(dataset_db(dataset), err);

	if (!conn)
		return -1;
	sqlite3_stmt *stmt = conn_query(conn, err,
	                                "SELECT id, filepath, label FROM samples NOT INDEXED WHERE id > ? ORDER BY id LIMIT ?",
	                                "ii", *after + 1, (int64_t)limit);
	int row = stmt ? 1 : -1;
	while (stmt && (row = conn_step(conn, stmt, err)) == 1) {
		const char *filepath = column_peek(stmt, 1);
		const char *label = column_peek(stmt, 2);

		visit(data, filepath ? filepath : "", label ? label : "");
		*after = sqlite3_column_int64(stmt, 0) - 1;
		(*count)++;
	}
	db_read_end(dataset_db(dataset), conn);
	return row;
}

static const char BY_PATH[] = "SELECT " SAMPLE_COLUMNS " FROM samples WHERE filepath = ? ORDER BY id LIMIT 1";
static const char BY_SHA256[] = "SELECT " SAMPLE_COLUMNS " FROM samples WHERE sha256 = ?";

int sqlite_sample_by_path(struct dataset *dataset, const char *filepath, struct sample *out, struct err *err)
{
	return sample_by(dataset, BY_PATH, filepath, out, err);
}

int sqlite_sample_by_sha256(struct dataset *dataset, const char *sha256, struct sample *out, struct err *err)
{
	return sample_by(dataset, BY_SHA256, sha256, out, err);
}

int samples_read(struct sqlite_conn *conn, sqlite3_stmt *stmt, size_t limit, struct sample **out, size_t *count,
                 struct err *err)
{
	int row = stmt ? 1 : -1;

	*out = memory_new(limit, sizeof(**out));
	*count = 0;
	while (stmt && (row = conn_step(conn, stmt, err)) == 1)
		sample_read(stmt, &(*out)[(*count)++]);
	if (row == 0)
		return 0;
	for (size_t i = 0; i < *count; i++)
		sample_release(&(*out)[i]);
	free(*out);
	*out = NULL;
	*count = 0;
	return -1;
}

/* --- adding ------------------------------------------------------------------------------------------------------- */

int64_t new_position(const struct dataset_policy *policy, int64_t row)
{
	uint64_t random;

	if (!dataset_policy_shuffles(policy))
		return row;
	sqlite3_randomness(sizeof(random), &random);
	return (int64_t)(random % (uint64_t)QUEUE_END_BASE);
}

int tally_added(struct sqlite_conn *writer, const char *label, int64_t bytes, struct err *err)
{
	return tally_size(writer, 1, bytes, err) ||
	       tally_state(writer, label[0] ? SAMPLE_LABELLED : SAMPLE_UNLABELLED, 1, err) ||
	       tally_label(writer, label, 1, err);
}

int next_row(struct sqlite_conn *writer, int64_t *row, struct err *err)
{
	return conn_int64(writer, err, 1, row,
	                  "SELECT MAX(IFNULL((SELECT MAX(id) FROM samples), 0), IFNULL((SELECT MAX(id) FROM removed), 0)) + 1",
	                  "");
}

/* --- uploads ------------------------------------------------------------------------------------------------------ */

struct addition {
	const struct dataset_image *image;
	int64_t quota_bytes;
	int64_t row, now; /* of the sample, and when it was added */
	bool duplicate;
	struct sample *out; /* of a duplicate, as it is by then: a moment later it may be removed */
};

static int check_addition(struct sqlite_conn *writer, struct addition *addition, const struct dataset_policy *policy,
                          struct err *err)
{
	const struct dataset_image *image = addition->image;
	int64_t taken, known = 1, bytes = 0, removed;

	if (conn_int64(writer, err, 0, &addition->row, "SELECT id FROM samples WHERE sha256 = ?", "s", image->sha256) ||
	    conn_int64(writer, err, 0, &removed, "SELECT 1 FROM removed WHERE blob_key = ?", "s", image->blob_key) ||
	    conn_int64(writer, err, 0, &taken, "SELECT 1 FROM samples WHERE filepath = ?", "s", image->filepath) ||
	    (image->label[0] &&
	     conn_int64(writer, err, 0, &known, LABEL_GIVEN, "s", image->label)) ||
	    (addition->quota_bytes > 0 &&
	     (tally_write(writer, err) ||
	      conn_int64(writer, err, 0, &bytes, "SELECT n FROM counts WHERE kind = 'bytes' AND name = ''", ""))))
		return -1;
	struct rules_upload upload = {.image = image,
	                              .same_bytes = addition->row > 0,
	                              .taken = taken != 0,
	                              .removed_key = removed != 0,
	                              .known_label = known != 0,
	                              .bytes = bytes,
	                              .quota_bytes = addition->quota_bytes};
	return rules_upload(&upload, policy, &addition->duplicate, err);
}

static int insert_image(struct sqlite_conn *writer, struct addition *addition, const struct dataset_policy *policy,
                        struct err *err)
{
	const struct dataset_image *image = addition->image;
	bool labelled = image->label[0] != '\0';
	int64_t now = addition->now = text_now();
	const struct label_event event = {
		.label = image->label, .by = image->user, .at = now, .source = "upload", .lead_time_ms = -1};

	if (next_row(writer, &addition->row, err) ||
	    conn_run(writer, err,
	             "INSERT" OR_FAIL "INTO samples (id, filepath, label, state, position, slots, blob_key, type, sha256,"
	             " filename, url, bytes, width, height, uploaded_at, uploaded_by, labelled_at, labelled_by, tally_mark)"
	             " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, 1)",
	             "issiiisssssiiiisis", addition->row, image->filepath, image->label, (int64_t)labelled,
	             new_position(policy, addition->row), labelled ? INT64_C(0) : policy->overlap, image->blob_key,
	             image->type, image->sha256, image->filename, image->url, image->bytes, image->width, image->height,
	             now, image->user, labelled ? now : INT64_C(0), labelled ? image->user : "") ||
	    tally_added(writer, image->label, image->bytes, err))
		return -1;
	const struct feed_item item = {
		.kind = FEED_UPLOAD, .id = addition->row - 1, .label = "", .by = image->user, .at = now};
	return feed_add(writer, &item, err) ||
	       (labelled && event_add(writer, addition->row, 1, &event, NULL, err));
}

static int write_image(struct sqlite_conn *writer, void *data, struct err *err)
{
	struct addition *addition = data;
	struct dataset_policy policy;

	sample_release(addition->out); /* from an attempt whose transaction failed */
	if (policy_load(writer, &policy, err) || check_addition(writer, addition, &policy, err))
		return -1;
	return addition->duplicate ? sample_load(writer, addition->row, addition->out, err)
	                           : insert_image(writer, addition, &policy, err);
}

/* Fills in the sample as insert_image has written it. */
static void added_sample(const struct addition *addition, struct sample *out)
{
	const struct dataset_image *image = addition->image;
	bool labelled = image->label[0] != '\0';

	*out = (struct sample){.id = addition->row - 1,
	                       .filepath = memory_text(image->filepath),
	                       .label = memory_text(image->label),
	                       .state = labelled ? SAMPLE_LABELLED : SAMPLE_UNLABELLED,
	                       .blob_key = memory_text(image->blob_key),
	                       .type = memory_text(image->type),
	                       .sha256 = memory_text(image->sha256),
	                       .filename = memory_text(image->filename),
	                       .bytes = image->bytes,
	                       .width = image->width,
	                       .height = image->height,
	                       .uploaded_at = addition->now,
	                       .uploaded_by = memory_text(image->user),
	                       .labelled_at = labelled ? addition->now : 0,
	                       .labelled_by = memory_text(labelled ? image->user : ""),
	                       .flagged_by = memory_text("")};
}

int sqlite_add_image(struct dataset *dataset, const struct dataset_image *image, int64_t quota_bytes,
                     struct sample *out, bool *duplicate, struct err *err)
{
	struct addition addition = {.image = image, .quota_bytes = quota_bytes, .out = out};

	memset(out, 0, sizeof(*out));
	if (db_write(dataset_db(dataset), true, write_image, &addition, err)) {
		sample_release(out);
		return -1;
	}
	*duplicate = addition.duplicate;
	if (!addition.duplicate)
		added_sample(&addition, out);
	return 0;
}

int sqlite_has_blob(struct dataset *dataset, const char *blob_key, bool *out, struct err *err)
{
	struct sqlite_conn *conn = db_read(dataset_db(dataset), err);
	int64_t known = 0;

	if (!conn)
		return -1;
	int failed = conn_int64(conn, err, 0, &known, "SELECT 1 FROM samples WHERE blob_key = ?1 UNION ALL"
	                        " SELECT 1 FROM snapshots WHERE blob_key = ?1", "s", blob_key);
	db_read_end(dataset_db(dataset), conn);
	*out = known != 0;
	return failed;
}

struct urls {
	const struct dataset_url *items;
	size_t count;
};

static int write_urls(struct sqlite_conn *writer, void *data, struct err *err)
{
	const struct urls *urls = data;

	for (size_t i = 0; i < urls->count; i++) {
		if (conn_run(writer, err, "UPDATE samples SET url = ?2 WHERE id = ?1", "is", urls->items[i].id + 1,
		             urls->items[i].url))
			return -1;
	}
	return 0;
}

int sqlite_set_urls(struct dataset *dataset, const struct dataset_url *urls, size_t count, struct err *err)
{
	struct urls all = {.items = urls, .count = count};

	return db_write(dataset_db(dataset), true, write_urls, &all, err);
}

/* --- flags -------------------------------------------------------------------------------------------------------- */

struct flagging {
	int64_t row;
	const char *user, *note;
	bool found;
};

static int run_flag(struct sqlite_conn *writer, void *data, struct err *err)
{
	struct flagging *flagging = data;

	if (conn_run(writer, err, "UPDATE samples SET flag_note = ?2, flagged_by = ?3 WHERE id = ?1", "iss", flagging->row,
	             flagging->note, flagging->note ? flagging->user : NULL))
		return -1;
	flagging->found = sqlite3_changes64(writer->db) > 0;
	return 0;
}

int sqlite_flag(struct dataset *dataset, int64_t id, const char *user, const char *note, struct sample *out,
                struct err *err)
{
	struct flagging flagging = {.row = id < INT64_MAX ? id + 1 : -1, .user = user, .note = note};

	if (db_write(dataset_db(dataset), true, run_flag, &flagging, err))
		return -1;
	return flagging.found ? sqlite_sample(dataset, id, out, err) : err_set(err, ERR_NOT_FOUND, "Sample not found");
}

struct contents {
	const struct dataset_content *items;
	size_t count;
};

static int save_contents(struct sqlite_conn *writer, void *data, struct err *err)
{
	const struct contents *contents = data;

	for (size_t i = 0; i < contents->count; i++) {
		const struct dataset_content *content = &contents->items[i];

		if (conn_run(writer, err,
		             "UPDATE samples SET file_sha256 = ?2, file_bytes = ?3, file_modified_ns = ?4 WHERE id = ?1", "isii",
		             content->id + 1, content->sha256, content->bytes, content->modified_ns))
			return -1;
	}
	return 0;
}

int sqlite_set_contents(struct dataset *dataset, const struct dataset_content *contents, size_t count,
                        struct err *err)
{
	struct contents all = {.items = contents, .count = count};

	return db_write(dataset_db(dataset), true, save_contents, &all, err);
}
