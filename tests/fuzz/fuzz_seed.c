/* Fuzzes a dataset in the older system's JSON: what is read of it holds for every sample of a second reading.
 *
 * Parses: lib/dataset/seedfile.c lib/base/jsonstream.c lib/base/jsonscan.c */
#include "fuzz.h"

#include "dataset/seedfile.h"

static int see_seed(void *data, const char *filepath, const char *label, struct err *err)
{
	(void)err;
	require(text_check_filepath(filepath, NULL) == 0 && text_utf8_valid(label, strlen(label)));
	++*(int64_t *)data;
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char path[FUZZ_PATH_MAX], *name = NULL;
	int fd = fuzz_file(data, size, path);
	struct seedfile file;
	struct err err = {0};
	int64_t seen = 0;

	int failed = seedfile_read(path, &file, &err);
	if (failed) {
		require_told(&err);
	} else {
		require(text_check_dataset_name(file.dataset, NULL) == 0);
		for (size_t i = 0; i < file.label_count; i++)
			require(text_check_label(file.labels[i], NULL) == 0);
		require(seedfile_samples(path, see_seed, &seen, &err) == 0 && seen == file.sample_count);
		require(seedfile_name(path, &name, &err) == 0 && strcmp(name, file.dataset) == 0);
	}
	free(name);
	seedfile_release(&file);
	close(fd);
	return 0;
}
