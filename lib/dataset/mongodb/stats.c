/* The counts of statistics in MongoDB: counters of their own kinds, whose names hold a row's texts and its number. */
#include "dataset/mongodb/internal.h"

#include <inttypes.h>

#define BETWEEN "\x1f" /* a control character, which neither users nor labels have */
static const char *const KINDS[STATS_KINDS] = {
	[STATS_GIVEN] = "given", [STATS_LEAD] = "lead", [STATS_PAIR] = "pair", [STATS_OPINION] = "opinion"};

/* --- counting ----------------------------------------------------------------------------------------------------- */

void stats_count_event(struct batch *batch, const struct label_event *event, int64_t sign)
{
	if (!rules_gives(event))
		return;
	batch_count(batch, KINDS[STATS_GIVEN], memory_format("%s" BETWEEN "%" PRId64, event->by, event->at / STATS_DAY_US),
	            sign, 0);
	if (event->lead_time_ms >= 0)
		batch_count(batch, KINDS[STATS_LEAD],
		            memory_format("%s" BETWEEN "%" PRId64, event->by, stats_lead_from(event->lead_time_ms)), sign,
		            sign * event->lead_time_ms);
}

void stats_count_events(struct batch *batch, const struct record *record, int64_t sign)
{
	for (size_t i = 0; i < record->heard_count; i++) {
		const struct label_event *event = &record->heard[i];

		stats_count_event(batch, event, sign);
		if (event->undoes > 0 && (size_t)event->undoes <= record->heard_count)
			stats_count_event(batch, &record->heard[event->undoes - 1], -sign);
	}
}

static void count_pair(struct batch *batch, const struct rules_vote *one, const struct rules_vote *other,
                       int64_t voters, int64_t sign)
{
	bool in_order = strcmp(one->label, other->label) <= 0;

	batch_count(batch, KINDS[STATS_PAIR],
	            memory_format("%s" BETWEEN "%s" BETWEEN "%" PRId64, in_order ? one->label : other->label,
	                          in_order ? other->label : one->label, voters),
	            sign, 0);
	if (strcmp(one->user, other->user) > 0) {
		const struct rules_vote *swapped = one;

		one = other;
		other = swapped;
	}
	batch_count(batch, KINDS[STATS_OPINION],
	            memory_format("%s" BETWEEN "%s" BETWEEN "%s" BETWEEN "%s" BETWEEN "0", one->user, other->user, one->label,
	                          other->label),
	            sign, 0);
}

void stats_count_votes(struct batch *batch, const struct rules_vote *votes, size_t count, int64_t sign)
{
	int64_t voters = 0;

	for (size_t i = 0; i < count; i++)
		voters += votes[i].label != NULL;
	for (size_t i = 0; i < count && voters > 1; i++) {
		for (size_t j = i + 1; j < count; j++) {
			if (votes[i].label && votes[j].label)
				count_pair(batch, &votes[i], &votes[j], voters, sign);
		}
	}
}

/* --- reading ------------------------------------------------------------------------------------------------------ */

static int read_row(void *data, const bson_t *document, struct err *err)
{
	const char *kind = text_in(document, "_id.kind");
	char *name = memory_text(text_in(document, "_id.name")), *text = name, *end;
	struct stats_row row = {.n = number_in(document, "n"), .ms = number_in(document, "ms")};

	(void)err;
	for (size_t i = 0; i < STATS_TEXTS && (end = strchr(text, BETWEEN[0])); i++) {
		*end = '\0';
		row.text[i] = text;
		text = end + 1;
	}
	row.number = strtoll(text, NULL, 10);
	for (int i = 0; i < STATS_KINDS; i++) {
		if (strcmp(KINDS[i], kind) == 0)
			stats_add(data, (enum stats_kind)i, &row);
	}
	free(name);
	return 0;
}

const char *stats_kind_of(const char *kind)
{
	for (int i = 0; i < STATS_KINDS; i++) {
		if (strcmp(KINDS[i], kind) == 0)
			return KINDS[i];
	}
	return NULL;
}

bson_t *stats_pipeline(const char *dataset)
{
	return BCON_NEW(
		"pipeline", "[", "{", "$match", "{", "dataset", BCON_UTF8(dataset), "kind", "{", "$in", "[",
		BCON_UTF8(KINDS[0]), BCON_UTF8(KINDS[1]), BCON_UTF8(KINDS[2]), BCON_UTF8(KINDS[3]), "]", "}", "}", "}",
		"{", "$group", "{", "_id", "{", "kind", BCON_UTF8("$kind"), "name", BCON_UTF8("$name"), "}",
		"n", "{", "$sum", BCON_UTF8("$n"), "}", "ms", "{", "$sum", BCON_UTF8("$ms"), "}", "}", "}", "]");
}

int stats_read(struct work *work, const char *dataset, struct stats_kept *out, struct err *err)
{
	return work_aggregate(work, "counters", stats_pipeline(dataset), read_row, out, err);
}

int mongodb_stats(struct dataset *base, struct stats_kept *out, struct err *err)
{
	struct work work;
	int failed = work_begin(&work, mongodb_dataset(base)->store, err) || stats_read(&work, base->name, out, err);

	work_end(&work);
	return failed;
}

/* --- corrections -------------------------------------------------------------------------------------------------- */

struct stats_fixing {
	const char *dataset;
	const struct dataset_stats_fix *fixes;
	size_t count;
};

static char *name_row(const struct stats_row *row)
{
	struct buf name;

	buf_init(&name, SIZE_MAX);
	for (int i = 0; i < STATS_TEXTS && row->text[i]; i++)
		buf_printf(&name, "%s" BETWEEN, row->text[i]);
	buf_printf(&name, "%" PRId64, row->number);
	return buf_detach(&name);
}

static int run_stats_fixes(struct work *work, void *data, struct err *err)
{
	const struct stats_fixing *fixing = data;
	mongoc_bulk_operation_t *bulk = work_bulk(work, "counters");

	for (size_t i = 0; i < fixing->count; i++) {
		const struct stats_row *by = &fixing->fixes[i].by;
		char *name = name_row(by);
		bson_t *filter = BCON_NEW("dataset", BCON_UTF8(fixing->dataset), "kind", BCON_UTF8(KINDS[fixing->fixes[i].kind]),
		                          "name", BCON_UTF8(name), "shard", BCON_INT32(0));
		bson_t *update = BCON_NEW("$inc", "{", "n", BCON_INT64(by->n), "ms", BCON_INT64(by->ms), "}");

		mongoc_bulk_operation_update_one(bulk, filter, update, true);
		bson_destroy(filter);
		bson_destroy(update);
		free(name);
	}
	return work_bulk_run(work, bulk, NULL, err);
}

int mongodb_fix_stats(struct dataset *base, const struct dataset_stats_fix *fixes, size_t count, struct err *err)
{
	struct stats_fixing fixing = {base->name, fixes, count};

	return work_transaction(mongodb_dataset(base)->store, run_stats_fixes, &fixing, err);
}
