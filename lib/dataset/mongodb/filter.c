/* Pages of the samples in MongoDB that match a filter, each found by an index. */
#include "dataset/mongodb/internal.h"

#include <ctype.h>

#include "base/text.h"

/* The conditions of a filter that may lead, with the index that finds each in order of id; except "by_time", whose
 * matches are sorted for each page. */
struct leading {
	const char *index;
	size_t count;
};

static void lead(struct leading *leading, const char *index)
{
	leading->index = index;
	leading->count++;
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

/* Samples without a label are in one of these states. */
static void add_label(bson_t *filter, struct leading *leading, const struct sample_filter *asked)
{
	BSON_APPEND_UTF8(filter, "Label", asked->label);
	if (asked->label[0]) {
		lead(leading, "by_label");
	} else if (!asked->of_state) {
		BCON_APPEND(filter, "state", "{", "$in", "[", BCON_UTF8("unlabelled"), BCON_UTF8("skipped"),
		            BCON_UTF8("unreadable"), BCON_UTF8("review"), "]", "}");
		lead(leading, "by_state");
	}
}

/* Absent means no; the index holds only those that have it. */
static void add_wanted(bson_t *filter, struct leading *leading, const char *field, enum sample_wanted wanted)
{
	if (wanted == SAMPLE_WITHOUT)
		BCON_APPEND(filter, field, "{", "$ne", BCON_BOOL(true), "}");
	if (wanted != SAMPLE_WITH)
		return;
	BSON_APPEND_BOOL(filter, field, true);
	lead(leading, field);
}

static bson_t *make_filter(const char *dataset, const struct sample_filter *asked, int64_t after,
                           struct leading *leading)
{
	bson_t *filter = BCON_NEW("dataset", BCON_UTF8(dataset), "id", "{", "$gt", BCON_INT64(after), "}");

	*leading = (struct leading){.index = "id"};
	if (asked->since) {
		BCON_APPEND(filter, "labelled_at", "{", "$gte", BCON_INT64(asked->since), "}");
		lead(leading, "by_time");
	}
	if (asked->of_state) {
		BSON_APPEND_UTF8(filter, "state", sample_state_name(asked->state));
		lead(leading, "by_state");
	}
	if (asked->label)
		add_label(filter, leading, asked);
	if (asked->by) {
		BSON_APPEND_UTF8(filter, "labelled_by", asked->by);
		lead(leading, "by_person");
	}
	if (asked->q) {
		add_part(filter, asked->q);
		lead(leading, "by_path");
	}
	if (asked->flagged)
		BCON_APPEND(filter, "flag", "{", "$exists", BCON_BOOL(asked->flagged == SAMPLE_FLAGGED), "}");
	if (asked->flagged == SAMPLE_FLAGGED)
		lead(leading, "flagged");
	add_wanted(filter, leading, "disputed", asked->disputed);
	add_wanted(filter, leading, "gold", asked->gold);
	return filter;
}

int mongodb_samples(struct dataset *base, const struct sample_filter *asked, int64_t after, size_t limit,
                    struct sample **out, size_t *count, struct err *err)
{
	struct leading leading;
	bson_t *filter = make_filter(base->name, asked, after, &leading);

	/* Among several, the server finds out which matches fewest. */
	return samples_page(base, filter, leading.count > 1 ? NULL : leading.index, limit, out, count, err);
}
