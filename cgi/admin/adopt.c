/* Adopts what the older collecting system left for the default dataset. */
#include "adopt.h"

#include <inttypes.h>
#include <stdio.h>

#include "blob/blob.h"
#include "blob/key.h"

_Static_assert((int)DATASET_ADOPT_KEY_MAX == (int)BLOB_KEY_MAX, "a key that is adopted is an object's");

/* Keys below BLOB_KEY_DATASETS are private to other datasets. */
static const char *key_of(void *blobs, const char *url, char key[DATASET_ADOPT_KEY_MAX])
{
	struct err err;

	if (blob_key_of(blobs, url, key, &err) || strncmp(key, BLOB_KEY_DATASETS, strlen(BLOB_KEY_DATASETS)) == 0)
		return NULL;
	return blob_key_type(key);
}

static int adopt_into(const struct config *config, struct dataset *dataset, struct buf *warn, struct err *err)
{
	struct dataset_adopted adopted = {0, 0};
	struct blob_store *blobs;

	if (blob_open(&blobs, config, err))
		return -1;
	int failed = dataset_adopt(dataset, key_of, blobs, &adopted, err);
	blob_free(blobs);
	if (adopted.taken > 0)
		printf("%s: %" PRId64 " images of the older collecting system taken over\n", dataset_name(dataset),
		       adopted.taken);
	if (adopted.left > 0)
		buf_printf(warn,
		           "warning: %" PRId64 " documents in the collection images are left as they are: their Image URL leads to "
		           "no image in the image store, or to one that is listed already\n",
		           adopted.left);
	return failed;
}

int adopt_collected(const struct config *config, struct dataset_store *store, struct buf *warn, struct err *err)
{
	struct dataset *dataset;

	if (config->default_dataset[0] == '\0')
		return 0;
	if (dataset_open(store, config->default_dataset, &dataset, err))
		return 0; /* reported when every dataset is opened */
	int failed = adopt_into(config, dataset, warn, err);
	dataset_close(dataset);
	return failed;
}
