/* Reads and writes a sample's document in MongoDB, with its leases and votes, as a struct. */
#include "dataset/mongodb/record.h"

enum { LOOK_UP_AT_ONCE = 1000 }; /* texts in one query */

/* --- memory ------------------------------------------------------------------------------------------------------- */

struct record *records_add(struct records *records)
{
	if (records->count == records->capacity) {
		records->capacity = records->capacity ? records->capacity * 2 : 16;
		records->item = memory_grow(records->item, records->capacity, sizeof(*records->item));
	}
	struct record *record = &records->item[records->count++];
	memset(record, 0, sizeof(*record));
	return record;
}

void record_drop_leases(struct record *record)
{
	for (size_t i = 0; i < record->lease_count; i++)
		free(record->leases[i].user);
	free(record->leases);
	record->leases = NULL;
	record->lease_count = 0;
}

void record_forget_events(struct record *record)
{
	for (size_t i = 0; i < record->heard_count; i++) {
		free((char *)(uintptr_t)record->heard[i].label);
		free((char *)(uintptr_t)record->heard[i].by);
		free((char *)(uintptr_t)record->heard[i].source);
		free((char *)(uintptr_t)record->heard[i].merged);
	}
	free(record->heard);
	record->heard = NULL;
	record->heard_count = 0;
}

static void record_release(struct record *record)
{
	record_drop_leases(record);
	for (size_t i = 0; i < record->vote_count; i++) {
		free((char *)(uintptr_t)record->votes[i].user);
		free((char *)(uintptr_t)record->votes[i].label);
	}
	free(record->votes);
	record_forget_events(record);
	free(record->decided_label);
	free(record->decided_by);
	free(record->url);
	free(record->was_label);
	for (size_t i = 0; i < record->was_vote_count; i++) {
		free((char *)(uintptr_t)record->was_votes[i].user);
		free((char *)(uintptr_t)record->was_votes[i].label);
	}
	free(record->was_votes);
	bson_destroy(record->adopts);
	sample_release(&record->sample);
}

void records_release(struct records *records)
{
	for (size_t i = 0; i < records->count; i++)
		record_release(&records->item[i]);
	free(records->item);
	memset(records, 0, sizeof(*records));
}

void records_drop_twins(struct records *records)
{
	for (size_t i = 1; i < records->count; i++) {
		for (size_t j = 0; j < i; j++) {
			if (records->item[j].sample.id != records->item[i].sample.id)
				continue;
			record_release(&records->item[i]);
			records->item[i--] = records->item[--records->count];
			break;
		}
	}
}

/* --- fields ------------------------------------------------------------------------------------------------------- */

enum field_type { TEXT, NUMBER };

struct field {
	const char *name;
	enum field_type type;
	bool changes;  /* may change as long as the sample exists */
	bool optional; /* left out when it is "" or 0 */
	size_t offset;
};

#define SAMPLE(member) offsetof(struct record, sample.member)

static const struct field fields[] = {
	{"id", NUMBER, false, false, SAMPLE(id)},
	{"filepath", TEXT, false, false, SAMPLE(filepath)},
	{"Label", TEXT, true, false, SAMPLE(label)},
	{"Image URL", TEXT, false, false, offsetof(struct record, url)},
	{"version", NUMBER, true, false, SAMPLE(version)},
	{"blob_key", TEXT, false, true, SAMPLE(blob_key)},
	{"type", TEXT, false, true, SAMPLE(type)},
	{"sha256", TEXT, false, true, SAMPLE(sha256)},
	{"filename", TEXT, false, true, SAMPLE(filename)},
	{"bytes", NUMBER, false, true, SAMPLE(bytes)},
	{"width", NUMBER, false, true, SAMPLE(width)},
	{"height", NUMBER, false, true, SAMPLE(height)},
	{"uploaded_at", NUMBER, false, true, SAMPLE(uploaded_at)},
	{"uploaded_by", TEXT, false, true, SAMPLE(uploaded_by)},
	{"file_sha256", TEXT, false, true, SAMPLE(file_sha256)},
	{"file_bytes", NUMBER, false, true, SAMPLE(file_bytes)},
	{"file_modified_ns", NUMBER, false, true, SAMPLE(file_modified_ns)},
	{"labelled_at", NUMBER, true, false, SAMPLE(labelled_at)},
	{"labelled_by", TEXT, true, false, SAMPLE(labelled_by)},
	{"flagged_by", TEXT, false, true, SAMPLE(flagged_by)},
	{"position", NUMBER, true, false, offsetof(struct record, position)},
	{"free_at", NUMBER, true, false, offsetof(struct record, free_at)},
	{"events", NUMBER, true, false, offsetof(struct record, events)},
};
enum { FIELDS = sizeof(fields) / sizeof(*fields) };

static char **text_at(const struct record *record, const struct field *field)
{
	return (char **)(uintptr_t)((const char *)record + field->offset);
}

static int64_t *number_at(const struct record *record, const struct field *field)
{
	return (int64_t *)(uintptr_t)((const char *)record + field->offset);
}

static const char *text_of(const bson_iter_t *iter)
{
	return BSON_ITER_HOLDS_UTF8(iter) ? bson_iter_utf8(iter, NULL) : "";
}

static enum sample_state state_parse(const char *name)
{
	enum sample_state state;

	return sample_state_parse(name, &state) ? state : SAMPLE_UNREADABLE;
}

/* A member may be there twice: the last one holds. */
static void take_text(char **out, const bson_iter_t *iter)
{
	free(*out);
	*out = memory_text(text_of(iter));
}

static void read_lease(struct record *record, bson_iter_t *iter)
{
	record->leases = memory_grow(record->leases, record->lease_count + 1, sizeof(*record->leases));
	struct lease *lease = &record->leases[record->lease_count++];
	memset(lease, 0, sizeof(*lease));
	while (bson_iter_next(iter)) {
		const char *key = bson_iter_key(iter);

		if (strcmp(key, "user") == 0)
			take_text(&lease->user, iter);
		else if (strcmp(key, "token") == 0)
			snprintf(lease->token, sizeof(lease->token), "%s", text_of(iter));
		else if (strcmp(key, "taken") == 0)
			lease->taken = bson_iter_as_int64(iter);
		else if (strcmp(key, "expires") == 0)
			lease->expires = bson_iter_as_int64(iter);
	}
	if (!lease->user) /* others write here, too: it is nobody's */
		record->lease_count--;
}

static void read_vote(struct record *record, bson_iter_t *iter)
{
	struct rules_vote vote = {.n = 0};
	char *user = NULL, *label = NULL;

	while (bson_iter_next(iter)) {
		const char *key = bson_iter_key(iter);

		if (strcmp(key, "user") == 0)
			take_text(&user, iter);
		else if (strcmp(key, "label") == 0)
			take_text(&label, iter);
		else if (strcmp(key, "n") == 0)
			vote.n = bson_iter_as_int64(iter);
		else if (strcmp(key, "at") == 0)
			vote.at = bson_iter_as_int64(iter);
	}
	if (!user) {
		free(label);
		return;
	}
	vote.user = user;
	vote.label = label;
	record->votes = memory_grow(record->votes, record->vote_count + 1, sizeof(*record->votes));
	record->votes[record->vote_count++] = vote;
}

static void read_decision(struct record *record, const bson_iter_t *from)
{
	bson_iter_t iter;

	if (!BSON_ITER_HOLDS_DOCUMENT(from) || !bson_iter_recurse(from, &iter))
		return;
	record->decision.made = true;
	while (bson_iter_next(&iter)) {
		const char *key = bson_iter_key(&iter);

		if (strcmp(key, "state") == 0)
			record->decision.state = state_parse(text_of(&iter));
		else if (strcmp(key, "label") == 0)
			take_text(&record->decided_label, &iter);
		else if (strcmp(key, "by") == 0)
			take_text(&record->decided_by, &iter);
		else if (strcmp(key, "n") == 0)
			record->decision.n = bson_iter_as_int64(&iter);
		else if (strcmp(key, "at") == 0)
			record->decision.at = bson_iter_as_int64(&iter);
	}
	record->decided_label = record->decided_label ? record->decided_label : memory_text("");
	record->decided_by = record->decided_by ? record->decided_by : memory_text("");
	record->decision.label = record->decided_label;
	record->decision.by = record->decided_by;
}

static void read_array(struct record *record, bson_iter_t *iter, void (*read)(struct record *, bson_iter_t *))
{
	bson_iter_t item, member;

	if (!BSON_ITER_HOLDS_ARRAY(iter) || !bson_iter_recurse(iter, &item))
		return;
	while (bson_iter_next(&item)) {
		if (bson_iter_recurse(&item, &member))
			read(record, &member);
	}
}

static void read_member(struct record *record, bson_iter_t *iter)
{
	const char *key = bson_iter_key(iter);

	for (size_t i = 0; i < FIELDS; i++) {
		if (strcmp(fields[i].name, key) != 0)
			continue;
		if (fields[i].type == NUMBER)
			*number_at(record, &fields[i]) = bson_iter_as_int64(iter);
		else if (!*text_at(record, &fields[i]))
			*text_at(record, &fields[i]) = memory_text(text_of(iter));
		return;
	}
	if (strcmp(key, "state") == 0)
		record->sample.state = state_parse(text_of(iter));
	else if (strcmp(key, "flag") == 0 && !record->sample.flag)
		record->sample.flag = memory_text(text_of(iter));
	else if (strcmp(key, "gold") == 0)
		record->sample.gold = bson_iter_as_bool(iter);
	else if (strcmp(key, "disputed") == 0)
		record->sample.disputed = bson_iter_as_bool(iter);
	else if (strcmp(key, "revision") == 0)
		record->revision = bson_iter_as_int64(iter);
	else if (strcmp(key, "Timestamp") == 0 && BSON_ITER_HOLDS_DATE_TIME(iter))
		record->added_at = bson_iter_date_time(iter) * 1000;
	else if (strcmp(key, "leases") == 0)
		read_array(record, iter, read_lease);
	else if (strcmp(key, "votes") == 0)
		read_array(record, iter, read_vote);
	else if (strcmp(key, "decision") == 0)
		read_decision(record, iter);
}

static void keep_votes(struct record *record)
{
	if (record->vote_count == 0)
		return;
	record->was_votes = memory_new(record->vote_count, sizeof(*record->was_votes));
	for (size_t i = 0; i < record->vote_count; i++) {
		const struct rules_vote *vote = &record->votes[i];

		if (vote->label)
			record->was_votes[record->was_vote_count++] =
				(struct rules_vote){.user = memory_text(vote->user), .label = memory_text(vote->label)};
	}
}

int records_visit(void *records, const bson_t *document, struct err *err)
{
	struct record *record = records_add(records);
	bson_iter_t iter;

	(void)err;
	if (bson_iter_init(&iter, document)) {
		while (bson_iter_next(&iter))
			read_member(record, &iter);
	}
	for (size_t i = 0; i < FIELDS; i++) {
		if (fields[i].type == TEXT && !*text_at(record, &fields[i]))
			*text_at(record, &fields[i]) = memory_text("");
	}
	record->was_state = record->sample.state;
	record->was_gold = record->sample.gold;
	record->was_disputed = record->sample.disputed;
	record->was_position = record->position;
	record->was_label = memory_text(record->sample.label);
	keep_votes(record);
	return 0;
}

/* Each sample has a position of its own: left out where it stays, many samples change in the same way. */
static bool is_as_read(const struct record *record, const struct field *field)
{
	return field->offset == offsetof(struct record, position) && record->position == record->was_position;
}

static void write_fields(const struct record *record, bool all, bson_t *out)
{
	for (size_t i = 0; i < FIELDS; i++) {
		const struct field *field = &fields[i];

		if (!all && (!field->changes || is_as_read(record, field)))
			continue;
		if (field->type == TEXT) {
			const char *text = *text_at(record, field);

			if (!field->optional || (text && text[0]))
				BSON_APPEND_UTF8(out, field->name, text ? text : "");
		} else if (!field->optional || *number_at(record, field)) {
			BSON_APPEND_INT64(out, field->name, *number_at(record, field));
		}
	}
	BSON_APPEND_UTF8(out, "state", sample_state_name(record->sample.state));
}

static void write_leases(const struct record *record, bson_t *out)
{
	bson_t array = BSON_INITIALIZER, member;

	for (size_t i = 0; i < record->lease_count; i++) {
		const struct lease *lease = &record->leases[i];
		char buffer[16];
		const char *key;

		bson_uint32_to_string((uint32_t)i, &key, buffer, sizeof(buffer));
		BSON_APPEND_DOCUMENT_BEGIN(&array, key, &member);
		BSON_APPEND_UTF8(&member, "user", lease->user);
		BSON_APPEND_UTF8(&member, "token", lease->token);
		BSON_APPEND_INT64(&member, "taken", lease->taken);
		BSON_APPEND_INT64(&member, "expires", lease->expires);
		bson_append_document_end(&array, &member);
	}
	BSON_APPEND_ARRAY(out, "leases", &array);
	bson_destroy(&array);
}

static void write_votes(const struct record *record, bson_t *out)
{
	bson_t array = BSON_INITIALIZER, member;

	for (size_t i = 0; i < record->vote_count; i++) {
		char buffer[16];
		const char *key;

		bson_uint32_to_string((uint32_t)i, &key, buffer, sizeof(buffer));
		BSON_APPEND_DOCUMENT_BEGIN(&array, key, &member);
		BSON_APPEND_UTF8(&member, "user", record->votes[i].user);
		if (record->votes[i].label)
			BSON_APPEND_UTF8(&member, "label", record->votes[i].label);
		BSON_APPEND_INT64(&member, "n", record->votes[i].n);
		BSON_APPEND_INT64(&member, "at", record->votes[i].at);
		bson_append_document_end(&array, &member);
	}
	BSON_APPEND_ARRAY(out, "votes", &array);
	bson_destroy(&array);
}

static void write_decision(const struct record *record, bson_t *out)
{
	const struct rules_decision *decision = &record->decision;
	bson_t member;

	BSON_APPEND_DOCUMENT_BEGIN(out, "decision", &member);
	BSON_APPEND_UTF8(&member, "state", sample_state_name(decision->state));
	BSON_APPEND_UTF8(&member, "label", decision->label);
	BSON_APPEND_UTF8(&member, "by", decision->by);
	BSON_APPEND_INT64(&member, "n", decision->n);
	BSON_APPEND_INT64(&member, "at", decision->at);
	bson_append_document_end(out, &member);
}

static void write_said(const struct record *record, bson_t *out)
{
	if (record->vote_count > 0)
		write_votes(record, out);
	if (record->decision.made)
		write_decision(record, out);
}

int record_by_position(const void *a, const void *b)
{
	const struct record *one = a, *other = b;

	return (one->position > other->position) - (one->position < other->position);
}

/* --- filters ------------------------------------------------------------------------------------------------------ */

bson_t *filter_id(const char *dataset, int64_t id)
{
	return BCON_NEW("dataset", BCON_UTF8(dataset), "id", BCON_INT64(id));
}

bson_t *events_filter(const char *dataset, int64_t from, int64_t to)
{
	return BCON_NEW("_id", "{", "$gte", "{", "dataset", BCON_UTF8(dataset), "sample", BCON_INT64(from), "n",
	                BCON_INT64(0), "}", "$lt", "{", "dataset", BCON_UTF8(dataset), "sample", BCON_INT64(to), "n",
	                BCON_INT64(0), "}", "}");
}

bson_t *opts_hint(const char *index, int64_t limit)
{
	bson_t *opts = BCON_NEW("hint", BCON_UTF8(index));

	if (limit > 0)
		BSON_APPEND_INT64(opts, "limit", limit);
	return opts;
}

int find_any(struct work *work, const char *collection, const char *dataset, const char *field, const char *index,
             const char *const *values, size_t count, work_visit *visit, void *data, struct err *err)
{
	for (size_t from = 0; from < count; from += LOOK_UP_AT_ONCE) {
		bson_t *filter = BCON_NEW("dataset", BCON_UTF8(dataset)), in, list = BSON_INITIALIZER;

		BSON_APPEND_DOCUMENT_BEGIN(filter, field, &in);
		for (size_t i = from; i < count && i < from + LOOK_UP_AT_ONCE; i++)
			BSON_APPEND_UTF8(&list, "0", values[i]); /* the server ignores an array's keys */
		BSON_APPEND_ARRAY(&in, "$in", &list);
		bson_destroy(&list);
		bson_append_document_end(filter, &in);
		if (work_find(work, collection, filter, opts_hint(index, 0), visit, data, err))
			return -1;
	}
	return 0;
}

int records_find(struct work *work, const char *dataset, const char *field, const char *const *values, size_t count,
                 struct records *found, struct err *err)
{
	return find_any(work, "images", dataset, field, strcmp(field, "filepath") == 0 ? "path" : field, values, count,
	                records_visit, found, err);
}

/* --- writing ------------------------------------------------------------------------------------------------------ */

bson_t *record_change(const struct record *record)
{
	bson_t *change = bson_new(), set;

	BSON_APPEND_DOCUMENT_BEGIN(change, "$set", &set);
	write_fields(record, false, &set);
	BSON_APPEND_INT64(&set, "revision", record->revision + 1);
	if (record->lease_count > 0)
		write_leases(record, &set);
	write_said(record, &set);
	if (record->sample.gold && !record->was_gold)
		BSON_APPEND_BOOL(&set, "gold", true);
	if (record->sample.disputed && !record->was_disputed)
		BSON_APPEND_BOOL(&set, "disputed", true);
	bson_append_document_end(change, &set);
	bool no_longer_gold = record->was_gold && !record->sample.gold;
	bool settled = record->was_disputed && !record->sample.disputed;
	if (record->lease_count == 0 || record->vote_count == 0 || no_longer_gold || settled) {
		BSON_APPEND_DOCUMENT_BEGIN(change, "$unset", &set);
		if (record->lease_count == 0)
			BSON_APPEND_UTF8(&set, "leases", "");
		if (record->vote_count == 0)
			BSON_APPEND_UTF8(&set, "votes", "");
		if (no_longer_gold)
			BSON_APPEND_UTF8(&set, "gold", "");
		if (settled)
			BSON_APPEND_UTF8(&set, "disputed", "");
		bson_append_document_end(change, &set);
	}
	return change;
}

int records_update(mongoc_bulk_operation_t *bulk, const char *dataset, const int64_t *ids, size_t count,
                   int64_t revision, const bson_t *change, struct err *err)
{
	bson_t filter = BSON_INITIALIZER, in, list = BSON_INITIALIZER, opts = BSON_INITIALIZER;
	bson_error_t error;

	BSON_APPEND_UTF8(&filter, "dataset", dataset);
	for (size_t i = 0; i < count && count > 1; i++)
		BSON_APPEND_INT64(&list, "0", ids[i]); /* the server ignores an array's keys */
	if (count > 1) {
		BSON_APPEND_DOCUMENT_BEGIN(&filter, "id", &in);
		BSON_APPEND_ARRAY(&in, "$in", &list);
		bson_append_document_end(&filter, &in);
	} else {
		BSON_APPEND_INT64(&filter, "id", ids[0]);
	}
	BSON_APPEND_INT64(&filter, "revision", revision);
	BSON_APPEND_UTF8(&opts, "hint", "id");
	bool added = (count > 1 ? mongoc_bulk_operation_update_many_with_opts
	                        : mongoc_bulk_operation_update_one_with_opts)(bulk, &filter, change, &opts, &error);
	bson_destroy(&opts);
	bson_destroy(&list);
	bson_destroy(&filter);
	return added ? 0 : err_set(err, ERR_INTERNAL, "MongoDB: %s", error.message);
}

int record_update(mongoc_bulk_operation_t *bulk, const char *dataset, const struct record *record, struct err *err)
{
	bson_t *change = record_change(record);
	int failed = records_update(bulk, dataset, &record->sample.id, 1, record->revision, change, err);

	bson_destroy(change);
	return failed;
}

/* Keeps everything else in the document, including its Timestamp. */
static int adopt_document(mongoc_bulk_operation_t *bulk, const char *dataset, const struct record *record,
                          struct err *err)
{
	bson_t update = BSON_INITIALIZER, set;
	bson_error_t error;

	BSON_APPEND_DOCUMENT_BEGIN(&update, "$set", &set);
	BSON_APPEND_UTF8(&set, "dataset", dataset);
	write_fields(record, true, &set);
	BSON_APPEND_INT64(&set, "revision", 0);
	bson_append_document_end(&update, &set);
	bool added = mongoc_bulk_operation_update_one_with_opts(bulk, record->adopts, &update, NULL, &error);
	bson_destroy(&update);
	return added ? 0 : err_set(err, ERR_INTERNAL, "MongoDB: %s", error.message);
}

int record_insert(mongoc_bulk_operation_t *bulk, const char *dataset, const struct record *record, int64_t now,
                  struct err *err)
{
	bson_t document = BSON_INITIALIZER;
	bson_error_t error;

	if (record->adopts)
		return adopt_document(bulk, dataset, record, err);
	BSON_APPEND_UTF8(&document, "dataset", dataset);
	write_fields(record, true, &document);
	if (record->sample.flag)
		BSON_APPEND_UTF8(&document, "flag", record->sample.flag);
	if (record->sample.gold)
		BSON_APPEND_BOOL(&document, "gold", true);
	if (record->sample.disputed)
		BSON_APPEND_BOOL(&document, "disputed", true);
	write_said(record, &document);
	BSON_APPEND_DATE_TIME(&document, "Timestamp", (record->added_at ? record->added_at : now) / 1000);
	BSON_APPEND_INT64(&document, "revision", 0);
	bool added = mongoc_bulk_operation_insert_with_opts(bulk, &document, NULL, &error);
	bson_destroy(&document);
	return added ? 0 : err_set(err, ERR_INTERNAL, "MongoDB: %s", error.message);
}
