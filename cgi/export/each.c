/* Reads the samples of an export in pages. */
#include "each.h"

#include <stdlib.h>

enum { PAGE = 1000 };

void each_init(struct each *each, struct dataset *dataset)
{
	*each = (struct each){.dataset = dataset, .after = -1};
}

void each_release(struct each *each)
{
	for (size_t i = 0; i < each->count; i++)
		sample_release(&each->page[i]);
	free(each->page);
	each->page = NULL;
	each->count = each->at = 0;
}

static int each_read_page(struct each *each, struct err *err)
{
	each_release(each);
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
	each_release(each);
	each->after = after;
	each->last = false;
}

int each_start(struct each *each, struct err *err)
{
	return each_read_page(each, err);
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
