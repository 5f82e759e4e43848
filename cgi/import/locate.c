/* Finds the sample that an address means: what each way of reading it names, and what that names within the dataset's
 * folder, is looked up in turn. */
#include "locate.h"

#include "base/memory.h"
#include "reference.h"

static bool locate_try(const struct import *import, const char *filepath)
{
	struct sample sample;
	struct err ignored;

	if (dataset_sample_by_path(import->call->dataset, filepath, &sample, &ignored))
		return false;
	sample_release(&sample);
	return true;
}

static bool locate_as(const struct import *import, struct buf *filepath)
{
	const char *within;
	char *copy;

	if (locate_try(import, buf_text(filepath)))
		return true;
	within = reference_within(buf_text(filepath), import->call->info.place.base_dir);
	if (!within || !locate_try(import, within))
		return false;
	copy = memory_text(within); /* a part of what is replaced */
	buf_clear(filepath);
	buf_str(filepath, copy);
	free(copy);
	return true;
}

bool locate(const struct import *import, const char *address, struct buf *out)
{
	for (enum reference way = REFERENCE_WHOLE; way < REFERENCE_COUNT; way++) {
		if (reference_filepath(address, way, out) == 0 && locate_as(import, out))
			return true;
	}
	for (int way = REFERENCE_COUNT - 1; way >= 0; way--) { /* the later ones look for what whole addresses hardly have */
		if (reference_filepath(address, (enum reference)way, out) == 0)
			return false;
	}
	buf_clear(out);
	return false;
}
