/* Pages of the samples in MongoDB that match a filter, each found by an index. */
#include "dataset/mongodb/internal.h"

#include <ctype.h>

#include "base/text.h"

enum {
	FEW_MAX = 1000, /* a condition that fewer samples match leads; those in order of time are sorted for a page */
	APART = 4,      /* a document that is read costs as much as looking at so many filepaths in their index */
};

/* The conditions of a filter; those that may lead come first, of these those in order of id. */
enum condition {
	OF_GOLD,
	OF_DISPUTE,
	OF_FLAG,
	OF_PERSON,
	OF_LABEL,
	OF_LACK,
	OF_STATE,
	OF_TIME,
	LEADS, /* so many may lead */
	OF_REST = LEADS,
};

static const char *const indexes[LEADS] = {
	[OF_GOLD] = "gold",      [OF_DISPUTE] = "disputed", [OF_FLAG] = "flagged",   [OF_PERSON] = "by_person",
	[OF_LABEL] = "by_label", [OF_LACK] = "by_state",    [OF_STATE] = "by_state", [OF_TIME] = "by_time",
};

/* One page, as it is looked for. */
struct search {
	struct work work;
	const char *dataset;
	const struct sample_filter *asked;
	int64_t after, until;
	enum condition lead; /* LEADS: none */
	bool few;            /* match it */
};

static bool has_condition(const struct sample_filter *asked, enum condition condition)
{
	switch (condition) {
	case OF_GOLD:
		return asked->gold == SAMPLE_WITH;
	case OF_DISPUTE:
		return asked->disputed == SAMPLE_WITH;
	case OF_FLAG:
		return asked->flagged == SAMPLE_FLAGGED;
	case OF_PERSON:
		return asked->by;
	case OF_LABEL:
		return asked->label && asked->label[0];
	case OF_LACK:
		return asked->label && !asked->label[0] && !asked->of_state;
	case OF_STATE:
		return asked->of_state;
	case OF_TIME:
		return asked->since > 0;
	case OF_REST:
		return asked->q || asked->gold == SAMPLE_WITHOUT || asked->disputed == SAMPLE_WITHOUT ||
		       asked->flagged == SAMPLE_NOT_FLAGGED || (asked->label && !asked->label[0] && asked->of_state);
	}
	return false;
}

/* Searches literally: quotes all that has a meaning in a regular expression. */
static void add_part(bson_t *filter, const char *q)
{
	struct buf pattern;

	buf_init(&pattern, 2 * strlen(q));
	for (; *q; q++) {
		if ((unsigned char)*q < 0x80 && !isalnum((unsigned char)*q))
			buf_char(&pattern, '\\');
		buf_char(&pattern, *q);
	}
	BCON_APPEND(filter, "filepath", BCON_REGEX(buf_text(&pattern), ""));
	buf_release(&pattern);
}

static void add_rest(bson_t *filter, const struct sample_filter *asked)
{
	if (asked->q)
		add_part(filter, asked->q);
	/* Absent means no. */
	if (asked->gold == SAMPLE_WITHOUT)
		BCON_APPEND(filter, "gold", "{", "$ne", BCON_BOOL(true), "}");
	if (asked->disputed == SAMPLE_WITHOUT)
		BCON_APPEND(filter, "disputed", "{", "$ne", BCON_BOOL(true), "}");
	if (asked->flagged == SAMPLE_NOT_FLAGGED)
		BCON_APPEND(filter, "flag", "{", "$exists", BCON_BOOL(false), "}");
	if (asked->label && !asked->label[0] && asked->of_state)
		BSON_APPEND_UTF8(filter, "Label", "");
}

static void add_condition(bson_t *filter, const struct sample_filter *asked, enum condition condition)
{
	switch (condition) {
	case OF_GOLD:
		BSON_APPEND_BOOL(filter, "gold", true);
		break;
	case OF_DISPUTE:
		BSON_APPEND_BOOL(filter, "disputed", true);
		break;
	case OF_FLAG:
		BCON_APPEND(filter, "flag", "{", "$exists", BCON_BOOL(true), "}");
		break;
	case OF_PERSON:
		BSON_APPEND_UTF8(filter, "labelled_by", asked->by);
		break;
	case OF_LABEL:
		BSON_APPEND_UTF8(filter, "Label", asked->label);
		break;
	case OF_LACK: /* Samples without a label are in one of these states. */
		BSON_APPEND_UTF8(filter, "Label", "");
		BCON_APPEND(filter, "state", "{", "$in", "[", BCON_UTF8("unlabelled"), BCON_UTF8("skipped"),
		            BCON_UTF8("unreadable"), BCON_UTF8("review"), "]", "}");
		break;
	case OF_STATE:
		BSON_APPEND_UTF8(filter, "state", sample_state_name(asked->state));
		break;
	case OF_TIME:
		BCON_APPEND(filter, "labelled_at", "{", "$gte", BCON_INT64(asked->since), "}");
		break;
	case OF_REST:
		add_rest(filter, asked);
		break;
	}
}

static bson_t *filter_ids(const struct search *search)
{
	return BCON_NEW("dataset", BCON_UTF8(search->dataset), "id", "{", "$gt", BCON_INT64(search->after), "$lte",
	                BCON_INT64(search->until), "}");
}

static int read_id(void *data, const bson_t *document, struct err *err)
{
	(void)err;
	*(int64_t *)data = number_in(document, "id");
	return 0;
}

/* The id of the sample after `others` that match this condition alone (LEADS: none); *id stays when there is none. */
static int find_id(struct search *search, enum condition condition, int64_t others, int64_t *id, struct err *err)
{
	bson_t *opts = opts_hint(condition < LEADS ? indexes[condition] : "id", 1);
	/* In order of time, most that match may have other ids. */
	bson_t *filter = condition == OF_TIME ? BCON_NEW("dataset", BCON_UTF8(search->dataset)) : filter_ids(search);

	if (condition < LEADS)
		add_condition(filter, search->asked, condition);
	BSON_APPEND_INT64(opts, "skip", others);
	if (condition != OF_TIME)
		BCON_APPEND(opts, "sort", "{", "id", BCON_INT32(1), "}");
	BCON_APPEND(opts, "projection", "{", "_id", BCON_INT32(0), "id", BCON_INT32(1), "}");
	return work_find(&search->work, "images", filter, opts, read_id, id, err);
}

/* Chooses a condition that few match; else the first one in order of id. */
static int choose_lead(struct search *search, struct err *err)
{
	int able = 0;

	search->lead = LEADS;
	for (enum condition each = OF_GOLD; each < LEADS; each++)
		able += has_condition(search->asked, each);
	for (enum condition each = OF_GOLD; each < LEADS && !search->few; each++) {
		int64_t found = -1;

		if (!has_condition(search->asked, each))
			continue;
		if ((able > 1 || each == OF_TIME) && find_id(search, each, FEW_MAX - 1, &found, err))
			return -1;
		search->few = found < 0 && (able > 1 || each == OF_TIME);
		if (search->few || (search->lead == LEADS && each != OF_TIME))
			search->lead = each;
	}
	return 0;
}

/* Finds where to stop: most of what the condition finds may fail the others. */
static int find_end(struct search *search, int64_t examined, struct err *err)
{
	int conditions = 0;

	for (enum condition each = OF_GOLD; each <= OF_REST; each++)
		conditions += has_condition(search->asked, each);
	if (search->few || conditions <= (search->lead < LEADS))
		return 0;
	if (search->lead < LEADS || !search->asked->q)
		examined = examined > APART ? examined / APART : 1;
	if (search->lead < LEADS)
		return find_id(search, search->lead, examined - 1, &search->until, err);
	search->until = search->after < INT64_MAX - examined ? search->after + examined : INT64_MAX;
	return 0;
}

static int find_page(struct search *search, struct sample_page *page, struct err *err)
{
	const char *index = search->lead < LEADS ? indexes[search->lead] : search->asked->q ? "by_path" : "id";
	bson_t *filter = filter_ids(search), *opts = opts_hint(index, (int64_t)page->limit);
	struct records found = {.count = 0};

	for (enum condition each = OF_GOLD; each <= OF_REST; each++) {
		if (has_condition(search->asked, each))
			add_condition(filter, search->asked, each);
	}
	/* By id alone, which is an order that the server knows to make of several states', too. */
	BCON_APPEND(opts, "sort", "{", "id", BCON_INT32(1), "}");
	int failed = work_find(&search->work, "images", filter, opts, records_visit, &found, err);
	page->item = memory_new(page->limit, sizeof(*page->item));
	for (; page->count < found.count; page->count++)
		record_to_sample(&found.item[page->count], &page->item[page->count]);
	records_release(&found);
	return failed;
}

/* For a page that is not full. */
static int find_next(struct search *search, int64_t *reached, struct err *err)
{
	int64_t next = -1;

	*reached = INT64_MAX;
	if (search->until == INT64_MAX)
		return 0;
	search->after = search->until;
	search->until = INT64_MAX;
	if (find_id(search, LEADS, 0, &next, err))
		return -1;
	if (next >= 0)
		*reached = next - 1;
	return 0;
}

int mongodb_samples(struct dataset *base, const struct sample_filter *asked, struct sample_page *page, struct err *err)
{
	struct search search = {.dataset = base->name, .asked = asked, .after = page->after, .until = INT64_MAX};
	int failed = work_begin(&search.work, mongodb_dataset(base)->store, err) || choose_lead(&search, err) ||
	             (page->examined > 0 && find_end(&search, (int64_t)page->examined, err)) ||
	             find_page(&search, page, err) ||
	             (page->count < page->limit && find_next(&search, &page->reached, err));

	work_end(&search.work);
	return failed;
}
