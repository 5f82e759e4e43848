/* `admin check`: its command line, and one part after the other. */
#include "check.h"

#include <inttypes.h>
#include <stdlib.h>

#include "admin.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/text.h"
#include "check_rest.h"
#include "dataset/integrity.h"
#include "owner.h"
#include "sweep.h"

enum { JSON_MAX = 1024 * 1024 };

struct options {
	const char *config, *state_dir, *older_than_text;
	int64_t older_than;
	bool repair, thorough, json;
};

static int check_take_option(void *data, int letter, const char *value, struct err *err)
{
	struct options *options = data;

	(void)err;
	switch (letter) {
	case 'c': options->config = value; break;
	case 's': options->state_dir = value; break;
	case 'o': options->older_than_text = value; break;
	case 'r': options->repair = true; break;
	case 't': options->thorough = true; break;
	default: options->json = true;
	}
	return 0;
}

static int check_parse(struct options *options, int argc, char **argv, config_env *env, struct err *err)
{
	static const struct option names[] = {
		{"config", required_argument, NULL, 'c'}, {"state", required_argument, NULL, 's'},
		{"older-than", required_argument, NULL, 'o'}, {"repair", no_argument, NULL, 'r'},
		{"thorough", no_argument, NULL, 't'}, {"json", no_argument, NULL, 'j'}, {0},
	};

	options->state_dir = env("IMAGE_LABEL_STATE");
	options->older_than = SWEEP_AGE_SECONDS;
	if (admin_options(argc, argv, "", names, check_take_option, options, err) || admin_no_more(argc, argv, err))
		return -1;
	if (options->older_than_text && text_int64(options->older_than_text, 0, INT32_MAX, &options->older_than))
		return err_set(err, ERR_BAD_REQUEST, "--older-than must be a number of seconds");
	return 0;
}

static void unchecked(struct check *check, const char *what, const struct err *err)
{
	check->report->unchecked++;
	fprintf(stderr, "image-label-check: %s: %s\n", what, err->text);
}

static int check_or_note(void *data, const char *name, struct err *err)
{
	if (check_dataset(data, name, err))
		unchecked(data, name, err);
	return 0;
}

static void tell_store(void *data, const char *what)
{
	const struct check *check = data;

	check_found(check->report, CHECK_DATABASE, check->repair, "%s", what);
}

/* Opening for writing makes the indexes that are missing: so they are looked for before. */
static int open_datasets(struct check *check, struct err *err)
{
	if (dataset_store_open_reading(&check->store, check->config, err) || dataset_store_ping(check->store, err) ||
	    dataset_store_integrity(check->store, tell_store, check, err))
		return -1;
	if (!check->repair)
		return 0;
	dataset_store_free(check->store);
	check->store = NULL;
	return dataset_store_open(&check->store, check->config, err);
}

/* The images are listed first: what is stored later is named by no listed object. */
static void check_all(struct check *check, const struct options *options)
{
	struct err err;

	if (open_datasets(check, &err)) {
		unchecked(check, "the datasets", &err);
		return;
	}
	if (blob_open(&check->blobs, check->config, &err) || check_objects_list(&check->objects, check->blobs, &err)) {
		unchecked(check, "the image store", &err);
		return;
	}
	check->report->images = check_objects_count(check->objects);
	if (dataset_store_each(check->store, check_or_note, check, &err))
		unchecked(check, "the datasets", &err);
	if (check->report->unchecked > 0) {
		fprintf(stderr, "image-label-check: what belongs to no dataset was not looked for, since not all could be read\n");
		return;
	}
	const char *state_dir = options->state_dir ? options->state_dir : "";
	if (check_orphans(check, state_dir, options->older_than, &err))
		unchecked(check, "objects that belong to nothing", &err);
	if (*state_dir && check_thumbs(check, state_dir, &err))
		unchecked(check, "thumbnails", &err);
}

static void print_report(const struct options *options, const struct check_report *report)
{
	struct buf text;

	if (!options->json) {
		check_print(report);
		return;
	}
	cJSON *tree = check_json(report);
	buf_init(&text, JSON_MAX);
	json_print(tree, &text);
	printf("%s\n", buf_text(&text));
	buf_release(&text);
	cJSON_Delete(tree);
}

static int run_check(const struct options *options, const struct config *config)
{
	struct check_report *report = memory_new(1, sizeof(*report));
	struct check check = {
		.config = config, .report = report, .repair = options->repair, .thorough = options->thorough};

	check_all(&check, options);
	print_report(options, report);
	int status = check_left(report) > 0                    ? CHECK_FOUND
	             : report->unchecked > 0 || fflush(stdout) ? CHECK_UNSURE
	                                                       : CHECK_WELL;
	check_objects_free(check.objects);
	blob_free(check.blobs);
	dataset_store_free(check.store);
	free(report);
	return status;
}

int admin_check(int argc, char **argv, config_env *env)
{
	struct options options = {.config = NULL};
	struct config config;
	struct err err;

	if (check_parse(&options, argc, argv, env, &err)) {
		fprintf(stderr, "image-label-check: %s (see image-label-check --help)\n", err.text);
		return CHECK_UNSURE;
	}
	if (config_load(&config, options.config, env, &err)) {
		fprintf(stderr, "image-label-check: %s\n", err.text);
		return CHECK_UNSURE;
	}
	int status = CHECK_UNSURE;
	if (config_datasets_are_files(&config) && owner_become(config.sqlite_db_dir, &err))
		fprintf(stderr, "image-label-check: %s\n", err.text);
	else
		status = run_check(&options, &config);
	admin_tell_config("image-label-check", &config);
	config_release(&config);
	return status;
}
