/* Compares a dataset that moves with its source, both read page by page in order of id. */
#include "migrate_compare.h"

#include "base/memory.h"
#include "base/text.h"
#include "dataset/move.h"

/* --- reading in order --------------------------------------------------------------------------------------------- */

struct cursor {
	struct dataset *dataset;
	struct dataset_record *records;
	size_t count, at;
	int64_t last; /* id of the last record read */
	bool end;
};

static void cursor_clear(struct cursor *cursor)
{
	for (size_t i = 0; i < cursor->count; i++)
		dataset_record_release(&cursor->records[i]);
	free(cursor->records);
	cursor->records = NULL;
	cursor->count = cursor->at = 0;
}

static int cursor_fill(struct cursor *cursor, struct err *err)
{
	cursor_clear(cursor);
	if (cursor->end)
		return 0;
	if (dataset_records(cursor->dataset, cursor->last, MIGRATE_PAGE, &cursor->records, &cursor->count, err))
		return -1;
	cursor->end = cursor->count < MIGRATE_PAGE;
	if (cursor->count > 0)
		cursor->last = cursor->records[cursor->count - 1].sample.id;
	return 0;
}

/* *out gets the next record with an id below `limit`, without moving past it; NULL when there is none. */
static int cursor_peek(struct cursor *cursor, int64_t limit, const struct dataset_record **out, struct err *err)
{
	*out = NULL;
	if (cursor->at == cursor->count && !cursor->end && cursor_fill(cursor, err))
		return -1;
	if (cursor->at < cursor->count && cursor->records[cursor->at].sample.id < limit)
		*out = &cursor->records[cursor->at];
	return 0;
}

/* --- comparing ---------------------------------------------------------------------------------------------------- */

struct comparing {
	struct compare *compare;
	struct cursor from, to;
	struct hash_stream *hash[2];
	struct dataset_record *differing; /* those of the page; they belong to the cursor */
	size_t differing_count;
};

static void count_record(struct compare *compare, const struct dataset_record *record)
{
	compare->samples += !record->removed;
	compare->events += (int64_t)record->event_count;
	compare->votes += (int64_t)record->vote_count;
	if (record->sample.blob_key[0]) {
		compare->images++;
		compare->image_bytes += record->sample.bytes;
	}
}

static void migrate_compare_digest(struct comparing *comparing, int side, const struct dataset_record *record,
                                   unsigned char out[HASH_SHA256_SIZE])
{
	dataset_record_digest(record, out);
	hash_stream_update(comparing->hash[side], out, HASH_SHA256_SIZE);
}

static int pass_extra(struct comparing *comparing, int64_t below, const struct dataset_record **next, struct err *err)
{
	unsigned char of_extra[HASH_SHA256_SIZE];

	for (;;) {
		if (cursor_peek(&comparing->to, below, next, err))
			return -1;
		if (!*next)
			return 0;
		migrate_compare_digest(comparing, 1, *next, of_extra);
		comparing->compare->extra++;
		comparing->to.at++;
	}
}

static int compare_record(struct comparing *comparing, const struct dataset_record *record, struct err *err)
{
	unsigned char wanted[HASH_SHA256_SIZE], is[HASH_SHA256_SIZE];
	const struct dataset_record *there;

	count_record(comparing->compare, record);
	migrate_compare_digest(comparing, 0, record, wanted);
	if (pass_extra(comparing, record->sample.id, &there, err) ||
	    cursor_peek(&comparing->to, record->sample.id + 1, &there, err))
		return -1;
	bool same = false;
	if (there) {
		migrate_compare_digest(comparing, 1, there, is);
		same = memcmp(wanted, is, sizeof(is)) == 0 && strcmp(record->url, there->url) == 0;
		comparing->to.at++;
	}
	if (!same && comparing->compare->first_differing < 0)
		comparing->compare->first_differing = record->sample.id;
	if (!same)
		comparing->differing[comparing->differing_count++] = *record;
	return 0;
}

static int compare_page(struct comparing *comparing, struct err *err)
{
	struct compare *compare = comparing->compare;
	struct cursor *from = &comparing->from;

	comparing->differing_count = 0;
	if (compare->prepare(compare->data, from->records, from->count, err))
		return -1;
	for (size_t i = 0; i < from->count; i++) {
		if (compare_record(comparing, &from->records[i], err))
			return -1;
	}
	compare->differing += (int64_t)comparing->differing_count;
	if (comparing->differing_count > 0 && compare->mend &&
	    compare->mend(compare->data, comparing->differing, comparing->differing_count, err))
		return -1;
	return compare->page(compare->data, from->records, from->count, err);
}

static int compare_all(struct comparing *comparing, struct err *err)
{
	const struct dataset_record *rest;

	do {
		if (cursor_fill(&comparing->from, err) || compare_page(comparing, err))
			return -1;
	} while (!comparing->from.end);
	return pass_extra(comparing, INT64_MAX, &rest, err);
}

int migrate_compare(struct compare *compare, struct err *err)
{
	struct comparing comparing = {.compare = compare,
	                              .from = {.dataset = compare->from, .last = -1},
	                              .to = {.dataset = compare->to, .last = -1},
	                              .differing = memory_new(MIGRATE_PAGE, sizeof(*comparing.differing))};
	unsigned char whole[64];

	compare->samples = compare->events = compare->votes = compare->images = compare->image_bytes = 0;
	compare->differing = compare->extra = 0;
	compare->first_differing = -1;
	for (int side = 0; side < 2; side++)
		comparing.hash[side] = hash_stream_new("sha256");
	int failed = compare_all(&comparing, err);
	for (int side = 0; side < 2; side++) {
		hash_stream_final(comparing.hash[side], whole);
		hash_hex(whole, HASH_SHA256_SIZE, compare->digest[side]);
	}
	cursor_clear(&comparing.from);
	cursor_clear(&comparing.to);
	free(comparing.differing);
	return failed;
}

/* --- counts ------------------------------------------------------------------------------------------------------- */

static int compare_infos(const struct dataset_info *from, const struct dataset_info *to, struct err *err)
{
	const struct {
		const char *what;
		int64_t from, to;
	} counts[] = {
		{"samples", from->counts.size, to->counts.size},
		{"labelled", from->counts.labelled, to->counts.labelled},
		{"unlabelled", from->counts.unlabelled, to->counts.unlabelled},
		{"skipped", from->counts.skipped, to->counts.skipped},
		{"unreadable", from->counts.unreadable, to->counts.unreadable},
		{"in review", from->counts.review, to->counts.review},
		{"bytes of images", from->counts.bytes, to->counts.bytes},
		{"labels", (int64_t)from->labels.count, (int64_t)to->labels.count},
	};

	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		if (counts[i].from != counts[i].to)
			return err_set(err, ERR_CONFLICT, "the counts differ: %s: %lld in the source, %lld in the destination",
			               counts[i].what, (long long)counts[i].from, (long long)counts[i].to);
	}
	for (size_t i = 0; i < from->labels.count; i++) {
		const struct dataset_label *one = &from->labels.item[i], *other = &to->labels.item[i];

		if (one->key != other->key || strcmp(one->name, other->name) != 0 || one->count != other->count)
			return err_set(err, ERR_CONFLICT, "the counts differ: label %s: %lld in the source, %lld in the destination",
			               one->name, (long long)one->count, (long long)other->count);
	}
	return 0;
}

int migrate_compare_counts(struct dataset *from, struct dataset *to, struct err *err)
{
	struct dataset_info source, destination;

	if (dataset_info(from, &source, err))
		return -1;
	int failed = dataset_info(to, &destination, err);
	if (!failed) {
		failed = compare_infos(&source, &destination, err);
		dataset_info_release(&destination);
	}
	dataset_info_release(&source);
	return failed;
}
