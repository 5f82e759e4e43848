/* Counts for the statistics what was said in a MongoDB dataset before they were kept.
 *
 * Others write meanwhile, and count what they write. So everything is read as of one moment, what was said as well as
 * the counts of that moment; the difference is added afterwards, to counters that nobody else writes. It holds then,
 * too, since others only add to counts. The settings note that it was added, in the same write, so that of several
 * machines one adds it. */
#include "dataset/mongodb/batch.h"

#include <search.h>

enum { FILL_PAGE = 500 };

struct fill {
	struct mongodb_dataset *dataset;
	struct batch counted; /* of one page; nothing but its counts is used */
	void *tree;           /* the sum: struct count, by kind and name */
	bool first;           /* this process was the first one to finish */
	struct work *work;
	mongoc_bulk_operation_t *bulk;
};

static _Thread_local struct fill *walked; /* twalk has no data for its visitor */

static int count_order(const void *a, const void *b)
{
	const struct count *one = a, *other = b;
	int order = strcmp(one->kind, other->kind);

	return order ? order : strcmp(one->name, other->name);
}

/* Takes name. */
static void fill_add(struct fill *fill, const char *kind, char *name, int64_t delta, int64_t ms)
{
	struct count *added = memory_new(1, sizeof(*added));

	added->kind = kind;
	added->name = name;
	struct count *held = *(struct count **)memory_must(tsearch(added, &fill->tree, count_order));
	held->delta += delta;
	held->ms += ms;
	if (held != added) {
		free(added->name);
		free(added);
	}
}

static void fill_release_count(void *data)
{
	struct count *count = data;

	free(count->name);
	free(count);
}

/* --- what was said ------------------------------------------------------------------------------------------------ */

static int fill_page(struct fill *fill, struct work *work, int64_t *after, bool *more, struct err *err)
{
	const char *name = fill->dataset->base.name;
	struct records page = {.count = 0};
	bson_t *opts = opts_hint("id", FILL_PAGE);

	BCON_APPEND(opts, "sort", "{", "dataset", BCON_INT32(1), "id", BCON_INT32(1), "}");
	int failed = work_find(work, "images",
	                       BCON_NEW("dataset", BCON_UTF8(name), "id", "{", "$gt", BCON_INT64(*after), "}"), opts,
	                       records_visit, &page, err) ||
	             records_read_all_events(work, name, &page, err);
	for (size_t i = 0; i < page.count && !failed; i++) {
		*after = page.item[i].sample.id;
		stats_count_events(&fill->counted, &page.item[i], 1);
		stats_count_votes(&fill->counted, page.item[i].was_votes, page.item[i].was_vote_count, 1);
	}
	for (size_t i = 0; i < fill->counted.count_count; i++) {
		struct count *count = &fill->counted.counts[i];

		fill_add(fill, count->kind, memory_text(count->name), count->delta, count->ms);
	}
	batch_clear(&fill->counted);
	*more = page.count == FILL_PAGE;
	records_release(&page);
	return failed;
}

/* --- what was counted --------------------------------------------------------------------------------------------- */

static int fill_subtract(void *data, const bson_t *document, struct err *err)
{
	const char *kind = stats_kind_of(text_in(document, "_id.kind"));

	(void)err;
	if (kind)
		fill_add(data, kind, memory_text(text_in(document, "_id.name")), -number_in(document, "n"),
		         -number_in(document, "ms"));
	return 0;
}

static int fill_read(struct fill *fill, struct err *err)
{
	struct work work;
	int64_t after = -1;
	bool more = true;
	int failed = work_begin(&work, fill->dataset->store, err) || work_freeze(&work, err);

	while (!failed && more)
		failed = fill_page(fill, &work, &after, &more, err);
	failed = failed ||
	         work_aggregate(&work, "counters", stats_pipeline(fill->dataset->base.name), fill_subtract, fill, err);
	if (work.session)
		mongoc_client_session_destroy(work.session);
	work_end(&work);
	return failed;
}

/* --- the difference ----------------------------------------------------------------------------------------------- */

static void fill_write_count(const void *node, VISIT visit, int depth)
{
	const struct count *count = *(const struct count *const *)node;

	(void)depth;
	if ((visit != postorder && visit != leaf) || (count->delta == 0 && count->ms == 0))
		return;
	if (!walked->bulk)
		walked->bulk = work_bulk(walked->work, "counters");
	bson_t *filter = BCON_NEW("dataset", BCON_UTF8(walked->dataset->base.name), "kind", BCON_UTF8(count->kind), "name",
	                          BCON_UTF8(count->name), "shard", BCON_INT32(COUNTER_SHARDS));
	bson_t *update = BCON_NEW("$inc", "{", "n", BCON_INT64(count->delta), "ms", BCON_INT64(count->ms), "}");
	mongoc_bulk_operation_update_one(walked->bulk, filter, update, true);
	bson_destroy(filter);
	bson_destroy(update);
}

static int run_stats_fill(struct work *work, void *data, struct err *err)
{
	struct fill *fill = data;
	bson_t *filter = filter_dataset(fill->dataset->base.name);

	BCON_APPEND(filter, "stats_kept", "{", "$exists", BCON_BOOL(false), "}");
	if (work_update(work, "datasets", filter, BCON_NEW("$set", "{", "stats_kept", BCON_BOOL(true), "}"), false,
	                &fill->first, err))
		return -1;
	if (!fill->first)
		return 0;
	fill->work = work;
	fill->bulk = NULL;
	walked = fill;
	twalk(fill->tree, fill_write_count);
	return fill->bulk ? work_bulk_run(work, fill->bulk, NULL, err) : 0;
}

int stats_fill(struct mongodb_dataset *dataset, struct err *err)
{
	struct fill fill = {.dataset = dataset};

	if (dataset->settings.stats_kept)
		return 0;
	int failed = fill_read(&fill, err) || work_transaction(dataset->store, run_stats_fill, &fill, err);
	tdestroy(fill.tree, fill_release_count);
	return failed;
}
