/* Finds in MongoDB the events by which a person gave labels, the newest first, and their samples. */
#include "dataset/mongodb/internal.h"

struct finding {
	const char *dataset, *user;
	const struct saying_place *after;
	size_t limit;
	struct sayings_found *out;
	struct records records;
};

static int read_saying_place(void *data, const bson_t *document, struct err *err)
{
	struct sayings_found *out = data;
	struct saying_place *place = &out->places[out->count++];
	bson_iter_t iter, part;

	(void)err;
	place->at = number_in(document, "at");
	if (bson_iter_init(&iter, document) && bson_iter_find_descendant(&iter, "_id.sample", &part))
		place->id = bson_iter_as_int64(&part);
	if (bson_iter_init(&iter, document) && bson_iter_find_descendant(&iter, "_id.n", &part))
		place->n = bson_iter_as_int64(&part);
	return 0;
}

/* Events of the user that give a label, at a time that meets this condition. */
static void add_branch(bson_t *any, const struct finding *finding, bson_t *at)
{
	BSON_APPEND_UTF8(at, "_id.dataset", finding->dataset);
	BSON_APPEND_UTF8(at, "by", finding->user);
	BCON_APPEND(at, "label", "{", "$gt", BCON_UTF8(""), "}");
	BSON_APPEND_DOCUMENT(any, "0", at); /* the server ignores an array's keys */
	bson_destroy(at);
}

/* Each branch is a range of the index. */
static bson_t *places_filter(const struct finding *finding)
{
	const struct saying_place *after = finding->after;
	bson_t *filter = bson_new(), any;

	BSON_APPEND_ARRAY_BEGIN(filter, "$or", &any);
	add_branch(&any, finding, BCON_NEW("at", "{", "$lt", BCON_INT64(after->at), "}"));
	add_branch(&any, finding,
	           BCON_NEW("at", BCON_INT64(after->at), "_id.sample", "{", "$lt", BCON_INT64(after->id), "}"));
	add_branch(&any, finding,
	           BCON_NEW("at", BCON_INT64(after->at), "_id.sample", BCON_INT64(after->id), "_id.n", "{", "$lt",
	                    BCON_INT64(after->n), "}"));
	bson_append_array_end(filter, &any);
	return filter;
}

static bson_t *samples_filter(const struct finding *finding)
{
	bson_t *filter = BCON_NEW("dataset", BCON_UTF8(finding->dataset)), in, list = BSON_INITIALIZER;

	BSON_APPEND_DOCUMENT_BEGIN(filter, "id", &in);
	for (size_t i = 0; i < finding->out->count; i++)
		BSON_APPEND_INT64(&list, "0", finding->out->places[i].id); /* the server ignores an array's keys */
	BSON_APPEND_ARRAY(&in, "$in", &list);
	bson_destroy(&list);
	bson_append_document_end(filter, &in);
	return filter;
}

static int find_places_said(struct work *work, struct finding *finding, struct err *err)
{
	bson_t *opts = opts_hint("by_person", (int64_t)finding->limit);

	BCON_APPEND(opts, "sort", "{", "at", BCON_INT32(-1), "_id.sample", BCON_INT32(-1), "_id.n", BCON_INT32(-1), "}",
	            "projection", "{", "at", BCON_INT32(1), "}");
	finding->out->places = memory_new(finding->limit, sizeof(*finding->out->places));
	return work_find(work, "events", places_filter(finding), opts, read_saying_place, finding->out, err);
}

static int find_samples_said(struct work *work, struct finding *finding, struct err *err)
{
	bson_t *opts = opts_hint("id", 0);

	BCON_APPEND(opts, "sort", "{", "dataset", BCON_INT32(1), "id", BCON_INT32(1), "}");
	return work_find(work, "images", samples_filter(finding), opts, records_visit, &finding->records, err) ||
	       records_read_all_events(work, finding->dataset, &finding->records, err);
}

int mongodb_sayings(struct dataset *base, const char *user, const struct saying_place *after, size_t limit,
                    struct sayings_found *out, struct err *err)
{
	struct finding finding = {.dataset = base->name, .user = user, .after = after, .limit = limit, .out = out};
	struct work work;
	int failed = work_begin(&work, mongodb_dataset(base)->store, err) || find_places_said(&work, &finding, err) ||
	             (out->count > 0 && find_samples_said(&work, &finding, err));

	work_end(&work);
	out->records = memory_new(finding.records.count + 1, sizeof(*out->records));
	for (; !failed && out->record_count < finding.records.count; out->record_count++)
		record_move_out(&finding.records.item[out->record_count], &out->records[out->record_count]);
	records_release(&finding.records);
	return failed;
}
