/* Checks the form of every argument, then asks the dataset's backend for changes of labels. */
#include "dataset/label.h"

#include <ctype.h>

#include "base/text.h"
#include "dataset/backend.h"
#include "dataset/spelling.h"

static int check_colour(const char *colour, char out[LABEL_COLOUR_SIZE], struct err *err)
{
	size_t len = strlen(colour);

	if (len != 0 && (len != LABEL_COLOUR_SIZE - 1 || colour[0] != '#' ||
	                 strspn(colour + 1, "0123456789abcdefABCDEF") != len - 1))
		return err_set(err, ERR_BAD_REQUEST, "\"colour\" must be like #0080ff, or null");
	for (size_t i = 0; i <= len; i++)
		out[i] = (char)tolower((unsigned char)colour[i]);
	return 0;
}

static int check_description(const char *description, struct err *err)
{
	if (strlen(description) > LABEL_DESCRIPTION_MAX)
		return err_set(err, ERR_BAD_REQUEST, "\"description\" is longer than %d bytes", LABEL_DESCRIPTION_MAX);
	if (!text_utf8_valid(description, strlen(description)))
		return err_set(err, ERR_BAD_REQUEST, "\"description\" is not UTF-8");
	return 0;
}

static int check_position(double position, struct err *err)
{
	return position >= -LABEL_POSITION_MAX && position <= (double)LABEL_POSITION_MAX
	               ? 0
	               : err_set(err, ERR_BAD_REQUEST, "\"position\" must be a number from %d to %d", -LABEL_POSITION_MAX,
	                         LABEL_POSITION_MAX);
}

/* Checks a name, and finds the dataset's spelling. The caller frees *spelled in any case. */
static int check_name(struct dataset *dataset, const char *name, char **spelled, struct err *err)
{
	return text_check_label(name, err) || spelling_of(dataset, name, spelled, err) || text_check_label(*spelled, err);
}

int dataset_label_change(struct dataset *dataset, int64_t key, const struct label_change *change, struct err *err)
{
	struct label_change checked = *change;
	char colour[LABEL_COLOUR_SIZE], *spelled = NULL;

	if ((change->colour && check_colour(change->colour, colour, err)) ||
	    (change->description && check_description(change->description, err)) ||
	    (change->moves && check_position(change->position, err)))
		return -1;
	int failed = change->name ? check_name(dataset, change->name, &spelled, err) : 0;
	checked.name = spelled;
	checked.colour = change->colour ? colour : NULL;
	failed = failed || dataset->backend->label_change(dataset, key, &checked, err);
	free(spelled);
	return failed;
}

int dataset_label_merge(struct dataset *dataset, int64_t key, int64_t into, const char *user, struct err *err)
{
	return dataset->backend->label_merge(dataset, key, into, user, err);
}

int dataset_label_remove(struct dataset *dataset, int64_t key, struct err *err)
{
	return dataset->backend->label_remove(dataset, key, err);
}
