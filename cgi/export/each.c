/* Reads the samples of an export in pages. */
#include "each.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

enum { PAGE = 1000 };

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

void each_release(struct each *each)
{
	each_release_page(each);
	if (each->blobs)
		manifest_close(&each->manifest);
	manifest_line_release(&each->line);
	sample_release(&each->then);
}

static int each_read_page(struct each *each, struct err *err)
{
	each_release_page(each);
	if (each->last)
		return 0;
	if (dataset_samples(each->dataset, &each->filter, each->after, PAGE, &each->page, &each->count, err)) {
		each->page = NULL;
		each->count = 0;
		return -1;
	}
	each->last = each->count < PAGE;
	if (each->count > 0)
		each->after = each->page[each->count - 1].id;
	return 0;
}

void each_restart(struct each *each, int64_t after)
{
	each_release_page(each);
	each->after = after;
	each->last = false;
	if (each->blobs)
		manifest_rewind(&each->manifest);
}

/* --- of a snapshot ------------------------------------------------------------------------------------------------ */

/* Without a label a sample was in one of the other states, which the manifest does not say: it is what it is
 * now, unless it has been labelled. */
static enum sample_state each_state_then(const struct each *each)
{
	if (each->line.label[0])
		return SAMPLE_LABELLED;
	return each->then.state == SAMPLE_LABELLED ? SAMPLE_UNLABELLED : each->then.state;
}

static void each_replace(char **text, const char *by)
{
	free(*text);
	*text = memory_text(by);
}

/* Makes the sample what it was. Of one that was removed only the manifest knows. */
static int each_look_back(struct each *each, struct err *err)
{
	struct sample *then = &each->then;

	sample_release(then);
	if (dataset_sample(each->dataset, each->line.id, then, err)) {
		if (err->code != ERR_NOT_FOUND)
			return -1;
		char **const texts[] = {&then->blob_key, &then->type, &then->sha256, &then->filename, &then->uploaded_by,
		                        &then->labelled_by, &then->flagged_by, &then->file_sha256};
		for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
			each_replace(texts[i], "");
		then->id = each->line.id;
		then->version = each->line.version + 1;
	}
	each_replace(&then->sha256, each->line.sha256);
	each_replace(&then->filepath, each->line.filepath);
	each_replace(&then->label, each->line.label);
	then->state = each_state_then(each);
	if (then->version != each->line.version) { /* who gave the label of then, and when, is in the history alone */
		each_replace(&then->labelled_by, "");
		then->labelled_at = 0;
	}
	then->version = each->line.version;
	return 0;
}

static bool each_matches(const struct each *each)
{
	const struct sample_filter *filter = &each->filter;
	const struct sample *then = &each->then;

	return (!filter->of_state || filter->state == then->state) &&
	       (!filter->label || strcmp(filter->label, then->label) == 0) &&
	       (!filter->q || strstr(then->filepath, filter->q));
}

static int each_next_of_snapshot(struct each *each, const struct sample **out, struct err *err)
{
	bool more;

	for (;;) {
		if (manifest_next(&each->manifest, &each->line, &more, err))
			return -1;
		if (!more)
			return 0;
		if (each->line.id <= each->after)
			continue;
		if (each_look_back(each, err))
			return -1;
		if (each_matches(each)) {
			*out = &each->then;
			return 1;
		}
	}
}

int each_start(struct each *each, struct err *err)
{
	return each->blobs ? 0 : each_read_page(each, err);
}

int each_next(struct each *each, const struct sample **out, struct err *err)
{
	if (each->blobs)
		return each_next_of_snapshot(each, out, err);
	if (each->at == each->count && each_read_page(each, err))
		return -1;
	if (each->count == 0)
		return 0;
	*out = &each->page[each->at++];
	return 1;
}
