/* Reads the samples of an export in pages. */
#include "each.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

enum { PAGE = 1000, LINES = 100 /* of a manifest: of each the sample is looked up */ };

void each_init(struct each *each, struct dataset *dataset)
{
	*each = (struct each){.dataset = dataset, .after = -1};
}

static void each_release_page(struct each *each)
{
	for (size_t i = 0; i < each->count; i++)
		sample_release(&each->page[i]);
	free(each->page);
	each->page = NULL;
	each->count = each->at = 0;
}

void each_of_snapshot(struct each *each, struct blob_store *blobs, const char *manifest_key)
{
	each->blobs = blobs;
	manifest_open(&each->manifest, blobs, manifest_key);
}

void each_restart(struct each *each, int64_t after)
{
	each_release_page(each);
	each->after = after;
	each->last = false;
	if (each->blobs)
		manifest_rewind(&each->manifest);
}

void each_release(struct each *each)
{
	each_release_page(each);
	gold_view_release(&each->view);
	if (each->blobs)
		manifest_close(&each->manifest);
}

static int each_read_samples(struct each *each, struct err *err)
{
	struct sample_page page = {.after = each->after, .limit = PAGE};
	int failed = gold_view_page(each->dataset, &each->view, &each->filter, &page, err);

	each->page = page.item;
	each->count = page.count;
	each->last = page.count < PAGE;
	return failed;
}

/* --- of a snapshot ------------------------------------------------------------------------------------------------ */

/* Without a label a sample was in one of the other states, which the manifest does not say: it is what it is
 * now, unless it has been labelled. */
static enum sample_state each_state_then(const struct manifest_line *line, enum sample_state now)
{
	if (line->label[0])
		return SAMPLE_LABELLED;
	return now == SAMPLE_LABELLED ? SAMPLE_UNLABELLED : now;
}

static void each_replace(char **text, const char *by)
{
	free(*text);
	*text = memory_text(by);
}

/* Makes the sample what it was. Of one that was removed only the manifest knows. */
static int each_look_back(struct each *each, const struct manifest_line *line, struct sample *then, struct err *err)
{
	if (dataset_sample(each->dataset, line->id, then, err)) {
		if (err->code != ERR_NOT_FOUND)
			return -1;
		char **const texts[] = {&then->blob_key, &then->type, &then->sha256, &then->filename, &then->uploaded_by,
		                        &then->labelled_by, &then->flagged_by, &then->file_sha256};
		for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
			each_replace(texts[i], "");
		then->id = line->id;
		then->version = line->version + 1;
	}
	each_replace(&then->sha256, line->sha256);
	each_replace(&then->filepath, line->filepath);
	each_replace(&then->label, line->label);
	then->state = each_state_then(line, then->state);
	if (then->version != line->version) { /* who gave the label of then, and when, is in the history alone */
		each_replace(&then->labelled_by, "");
		then->labelled_at = 0;
	}
	then->version = line->version;
	return 0;
}

static bool each_matches(const struct sample_filter *filter, const struct sample *then)
{
	return (!filter->of_state || filter->state == then->state) &&
	       (!filter->label || strcmp(filter->label, then->label) == 0) &&
	       (!filter->q || strstr(then->filepath, filter->q));
}

/* Adds the line's sample to the page, if it is one of those. */
static int each_add_line(struct each *each, const struct manifest_line *line, struct err *err)
{
	struct sample then = {.id = 0};
	int failed = each_look_back(each, line, &then, err);

	if (failed || !each_matches(&each->filter, &then))
		sample_release(&then);
	else
		each->page[each->count++] = then;
	return failed;
}

static int each_read_lines(struct each *each, struct err *err)
{
	struct manifest_line line = {.id = 0};
	bool more = true;
	int failed = 0;

	each->page = memory_new(LINES, sizeof(*each->page));
	while (!failed && more && each->count < LINES) {
		failed = manifest_next(&each->manifest, &line, &more, err) ||
		         (more && line.id > each->after && each_add_line(each, &line, err));
	}
	manifest_line_release(&line);
	each->last = !more;
	return failed;
}

/* --- both --------------------------------------------------------------------------------------------------------- */

static int each_read_page(struct each *each, struct err *err)
{
	each_release_page(each);
	if (each->last)
		return 0;
	if (each->blobs ? each_read_lines(each, err) : each_read_samples(each, err))
		return -1;
	if (each->count > 0)
		each->after = each->page[each->count - 1].id;
	return 0;
}

int each_start(struct each *each, struct err *err)
{
	return each->blobs ? 0 : each_read_page(each, err);
}

int each_next(struct each *each, const struct sample **out, struct err *err)
{
	if (each->at == each->count && each_read_page(each, err))
		return -1;
	if (each->count == 0)
		return 0;
	*out = &each->page[each->at++];
	return 1;
}

const struct sample *each_peek(const struct each *each, size_t n)
{
	return n < each->count - each->at ? &each->page[each->at + n] : NULL;
}
