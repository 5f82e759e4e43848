/* `admin export`: a dataset as CSV, page by page, so that memory does not grow with it. */
#include "export.h"

#include "admin.h"
#include "base/json.h"
#include "dataset/dataset.h"

enum { PAGE = 1000, DESCRIPTION_MAX = 64 * 1024 * 1024 };

struct options {
	const char *config, *dataset;
};

static int export_take_option(void *data, int letter, const char *value, struct err *err)
{
	struct options *options = data;

	(void)err;
	*(letter == 'c' ? &options->config : &options->dataset) = value;
	return 0;
}

static int export_parse(struct options *options, int argc, char **argv, struct err *err)
{
	static const struct option names[] = {
		{"config", required_argument, NULL, 'c'}, {"dataset", required_argument, NULL, 'd'}, {0}};

	if (admin_options(argc, argv, "d:", names, export_take_option, options, err))
		return -1;
	if (!options->dataset || optind < argc)
		return err_set(err, ERR_BAD_REQUEST, "give [--config FILE] --dataset NAME");
	return 0;
}

static int write_description(const char *name, const struct dataset_info *info, struct err *err)
{
	cJSON *document = json_new_object(), *labels = json_new_array();
	struct buf text;

	json_add_string(document, "dataset_name", name);
	json_add_string(document, "base_dir", info->place.base_dir);
	for (size_t i = 0; i < info->labels.count; i++)
		json_append_string(labels, info->labels.item[i].name);
	json_add(document, "labels", labels);
	buf_init(&text, DESCRIPTION_MAX);
	int failed = json_print(document, &text) ? err_set(err, ERR_TOO_LARGE, "the labels are too many") : 0;
	cJSON_Delete(document);
	if (!failed)
		printf("%s\n", buf_text(&text));
	buf_release(&text);
	return failed;
}

/* Quotes a cell only where RFC 4180 requires it. */
static void write_cell(const char *text)
{
	if (!text[strcspn(text, "\",\r\n")]) {
		fputs(text, stdout);
		return;
	}
	putchar('"');
	for (; *text; text++) {
		if (*text == '"')
			putchar('"');
		putchar(*text);
	}
	putchar('"');
}

static int write_samples(struct dataset *dataset, struct err *err)
{
	size_t count = PAGE;

	fputs("filepath,label\r\n", stdout);
	for (int64_t after = -1; count == PAGE;) {
		struct sample *samples;

		if (dataset_samples(dataset, NULL, after, PAGE, &samples, &count, err))
			return -1;
		for (size_t i = 0; i < count; i++) {
			write_cell(samples[i].filepath);
			putchar(',');
			write_cell(samples[i].label);
			fputs("\r\n", stdout);
			after = samples[i].id;
			sample_release(&samples[i]);
		}
		free(samples);
		if (ferror(stdout))
			break;
	}
	return fflush(stdout) || ferror(stdout) ? err_errno(err, ERR_INTERNAL, "the CSV cannot be written") : 0;
}

static int export(const struct options *options, const struct config *config, struct err *err)
{
	struct dataset_store *store = NULL;
	struct dataset *dataset = NULL;
	struct dataset_info info = {.labels.count = 0};
	int failed = dataset_store_open_reading(&store, config, err) || dataset_store_ping(store, err) ||
	             dataset_open(store, options->dataset, &dataset, err);

	if (failed && err->code == ERR_NOT_FOUND)
		err_set(err, ERR_NOT_FOUND, "there is no dataset %s", options->dataset);
	failed = failed || dataset_info(dataset, &info, err) || write_description(options->dataset, &info, err) ||
	         write_samples(dataset, err);
	dataset_info_release(&info);
	dataset_close(dataset);
	dataset_store_free(store);
	return failed;
}

int admin_export(int argc, char **argv, config_env *env)
{
	struct options options = {NULL, NULL};
	struct config config = {.path = NULL};
	struct err err = {0};
	int usage = export_parse(&options, argc, argv, &err);
	int failed = usage || config_load(&config, options.config, env, &err) || export(&options, &config, &err);

	if (failed)
		fprintf(stderr, "%s\n", err.text);
	config_release(&config);
	return usage ? ADMIN_USAGE : failed ? ADMIN_FAILED : ADMIN_DONE;
}
