/* Splits datasets by HMAC. */
#include "dataset/split.h"

#include <string.h>

#include "base/text.h"

const char *const split_names[SPLIT_PARTS] = {"train", "val", "test"};

static int split_refuse(struct err *err)
{
	return err_set(err, ERR_BAD_REQUEST,
	               "\"split\" must be the percentages of train, val and test, such as 80,10,10, with the sum 100");
}

/* Reads a number and the comma after it, if there is one; NULL: it is no number. */
static const char *read_percent(const char *text, int *out)
{
	char number[4];
	int64_t value;
	size_t len = strcspn(text, ",");

	if (len == 0 || len >= sizeof(number))
		return NULL;
	memcpy(number, text, len);
	number[len] = '\0';
	if (text_int64(number, 0, 100, &value))
		return NULL;
	*out = (int)value;
	return text + len;
}

int split_parse(const char *text, const char *seed, struct split *out, struct err *err)
{
	int sum = 0, parts = 0;

	*out = (struct split){.hmac = NULL};
	if (strlen(seed) > SPLIT_SEED_MAX)
		return err_set(err, ERR_BAD_REQUEST, "\"seed\" is longer than %d bytes", SPLIT_SEED_MAX);
	do {
		text = parts < SPLIT_PARTS ? read_percent(text, &out->percent[parts]) : NULL;
		if (!text)
			return split_refuse(err);
		sum += out->percent[parts++];
	} while (*text++ == ',');
	if (sum != 100 || parts == 1)
		return split_refuse(err);
	out->hmac = hash_hmac_new(seed, strlen(seed));
	return 0;
}

void split_release(struct split *split)
{
	hash_hmac_free(split->hmac);
	split->hmac = NULL;
}

const char *split_of(const struct split *split, const char sha256[HASH_SHA256_HEX])
{
	unsigned char digest[HASH_SHA256_SIZE];
	uint64_t fraction = 0;
	int below = 0;

	hash_hmac_of(split->hmac, sha256, strlen(sha256), digest);
	for (int i = 0; i < 8; i++)
		fraction = fraction << 8 | digest[i];
	int percent = (int)((unsigned __int128)fraction * 100 >> 64);
	for (int part = 0; part < SPLIT_PARTS - 1; part++) {
		below += split->percent[part];
		if (percent < below)
			return split_names[part];
	}
	return split_names[SPLIT_PARTS - 1];
}
