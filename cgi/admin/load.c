/* `admin load --in-place`: makes a dataset of a folder of images where it lies, or adds what is new in it. */
#include "load.h"

#include <fcntl.h>
#include <getopt.h>
#include <unistd.h>

#include "admin.h"
#include "base/image_type.h"
#include "base/memory.h"
#include "base/progress.h"
#include "base/text.h"
#include "base/walk.h"
#include "blob/locate.h"
#include "dataset/apart.h"
#include "dataset/dataset.h"
#include "image/image.h"
#include "owner.h"

enum {
	CHUNK = 2000,      /* samples in one durable write: few enough that a progress bar moves */
	TOLD_MAX = 10,     /* names listed for each reason of skipping files */
	LABELS_MAX = 1024, /* labels on the command line */
	LABELS_SHOWN = 20,
};

struct options {
	const char *config;
	const char *dataset;
	char base_dir[PATH_MAX]; /* real */
	bool in_place, label_from_folder, moved;
	const char *labels[LABELS_MAX];
	size_t label_count;
};

struct load {
	struct options options;
	struct config config;
	struct dataset_store *store;
	struct dataset *dataset; /* NULL before the first chunk of a new dataset */
	bool created;
	struct progress progress;
	struct walk walk;
	size_t images;
	size_t unseen; /* of these, images that browsers cannot show */
	struct dataset_merged merged;

	struct dataset_seed seeds[CHUNK];
	size_t seed_count;
	const char *labels[CHUNK + LABELS_MAX]; /* labels that the chunk adds */
	size_t label_count;
	char *folders[CHUNK]; /* owned: labels of the chunk that come from folders */
	size_t folder_count;
};

/* --- the command line --------------------------------------------------------------------------------------------- */

static int split_labels(struct options *options, char *list, struct err *err)
{
	for (char *label; (label = strsep(&list, ","));) {
		label += strspn(label, " \t");
		for (size_t len = strlen(label); len && strchr(" \t", label[len - 1]); len--)
			label[len - 1] = '\0';
		if (*label == '\0')
			return err_set(err, ERR_BAD_REQUEST, "--labels has an empty label in it");
		if (text_check_label(label, err))
			return -1;
		if (options->label_count == LABELS_MAX)
			return err_set(err, ERR_TOO_LARGE, "More than %d labels", LABELS_MAX);
		options->labels[options->label_count++] = label;
	}
	return 0;
}

static int load_parse(struct options *options, int argc, char **argv, struct err *err)
{
	static const struct option names[] = {
		{"in-place", no_argument, NULL, 'i'}, {"dataset", required_argument, NULL, 'd'},
		{"labels", required_argument, NULL, 'l'}, {"label-from-folder", no_argument, NULL, 'f'},
		{"config", required_argument, NULL, 'c'}, {"moved", no_argument, NULL, 'm'}, {0},
	};
	int option;

	optind = 0;
	opterr = 0;
	while ((option = getopt_long(argc, argv, "d:l:", names, NULL)) != -1)
		switch (option) {
		case 'i': options->in_place = true; break;
		case 'd': options->dataset = optarg; break;
		case 'f': options->label_from_folder = true; break;
		case 'c': options->config = optarg; break;
		case 'm': options->moved = true; break;
		case 'l':
			if (split_labels(options, optarg, err))
				return -1;
			break;
		default:
			return err_set(err, ERR_BAD_REQUEST, "Unknown option or missing value: %s (see image-label-load --help)",
			               argv[optind - 1]);
		}
	if (!options->in_place || !options->dataset || argc - optind != 1)
		return err_set(err, ERR_BAD_REQUEST, "Give --in-place FOLDER --dataset NAME (see image-label-load --help)");
	if (!realpath(argv[optind], options->base_dir))
		return err_errno(err, ERR_NOT_FOUND, "Cannot open the folder %s", argv[optind]);
	return text_check_dataset_name(options->dataset, err);
}

/* --- the dataset -------------------------------------------------------------------------------------------------- */

static bool is_same_folder(const char *path, const char *real)
{
	char resolved[PATH_MAX];

	return strcmp(path, real) == 0 || (realpath(path, resolved) && strcmp(resolved, real) == 0);
}

static int load_base_dir(struct load *load, struct err *err)
{
	struct dataset_change change = {.base_dir = load->options.base_dir};
	struct dataset_place place;
	int failed = 0;

	if (dataset_place(load->dataset, &place, err))
		return -1;
	if (!load->options.moved)
		change.base_dir_was = place.base_dir;
	if (load->options.moved || *place.base_dir == '\0')
		failed = dataset_update(load->dataset, &change, err) || apart_settle(load->store, &load->config, NULL, err);
	else if (!is_same_folder(place.base_dir, load->options.base_dir))
		failed = err_set(err, ERR_CONFLICT,
		                 "Dataset %s lies in %s: load it from there, choose another name, or say --moved if its "
		                 "folder is now %s",
		                 load->options.dataset, place.base_dir, load->options.base_dir);
	dataset_place_release(&place);
	return failed;
}

/* Opens the dataset if it exists; a new one is made with its first images, so that a mistyped folder makes none. */
static int load_open_dataset(struct load *load, struct err *err)
{
	const struct options *options = &load->options;

	if (dataset_open(load->store, options->dataset, &load->dataset, err) == 0)
		return load_base_dir(load, err);
	load->dataset = NULL;
	if (err->code != ERR_NOT_FOUND)
		return -1;
	if (options->moved)
		return err_set(err, ERR_NOT_FOUND, "There is no dataset %s that could have moved", options->dataset);
	if (options->label_count == 0 && !options->label_from_folder)
		return err_set(err, ERR_BAD_REQUEST,
		               "A new dataset needs labels: --labels a,b,c or --label-from-folder");
	return 0;
}

static int load_dataset(struct load *load, struct err *err)
{
	struct dataset_policy policy = dataset_policy_default();

	if (load->dataset)
		return 0;
	if (config_datasets_are_files(&load->config) &&
	    admin_make_folder(load->config.sqlite_db_dir, 0755, err))
		return -1;
	load->created = dataset_create(load->store, load->options.dataset, load->options.base_dir, &policy, err) == 0;
	if (!load->created && err->code != ERR_CONFLICT)
		return -1;
	if (dataset_open(load->store, load->options.dataset, &load->dataset, err))
		return -1;
	if (!load->created) /* another load has made it meanwhile */
		return load_base_dir(load, err);
	return apart_settle(load->store, &load->config, NULL, err);
}

/* --- the images --------------------------------------------------------------------------------------------------- */

/* Reports one file, the times-th with this reason. */
static void load_tell(struct load *load, size_t times, const char *what, const char *why, const char *path)
{
	if (times > TOLD_MAX)
		return;
	struct buf name;
	buf_init(&name, 4 * PATH_MAX);
	walk_add_name(path, &name);
	progress_end(&load->progress);
	fprintf(stderr, "%s, %s: %s%s\n", what, why, buf_text(&name), times == TOLD_MAX ? " (and so on)" : "");
	buf_release(&name);
}

static void load_told(void *data, enum walk_skip skip, const char *path)
{
	struct load *load = data;

	load_tell(load, load->walk.skipped[skip], "passed over", walk_skip_reason(skip), path);
}

static void load_seen(void *data, size_t count)
{
	struct load *load = data;

	progress_show(&load->progress, count, 0, "looking through the folder");
}

/* The file's type; NULL when it is no image. A name alone is not enough for a type that is recognised by content. */
static const struct image_type *type_of(const struct located *located)
{
	unsigned char magic[IMAGE_TYPE_MAGIC_BYTES];
	int fd = open(located->path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	ssize_t len = fd < 0 ? -1 : pread(fd, magic, sizeof(magic), 0);

	if (fd >= 0)
		close(fd);
	if (len <= 0)
		return NULL;
	const struct image_type *type = image_type_sniff(magic, (size_t)len);
	if (type)
		return type;
	type = image_type_by_name(located->path);
	return type && !type->taken ? type : NULL;
}

/* Whether people can see it in the browser: as it is, or in a form made of it. */
static bool can_be_seen(const struct image_type *type)
{
	struct err ignored;

	return type->shown || (type->taken && image_can(type->media, &ignored));
}

/* The name of the file's folder, as a label that is added with this chunk; "" at the top, and where the name cannot
 * be a label. */
static const char *folder_label(struct load *load, const char *path)
{
	size_t len;
	const char *start = text_folder(path, &len);

	if (!load->options.label_from_folder || len == 0)
		return "";
	const char *last = load->folder_count ? load->folders[load->folder_count - 1] : "";
	if (strlen(last) == len && memcmp(last, start, len) == 0)
		return last;
	char *label = memory_text_part(start, len);
	if (text_check_label(label, &(struct err){0})) {
		free(label);
		return "";
	}
	load->folders[load->folder_count++] = label;
	load->labels[load->label_count++] = label;
	return label;
}

static int write_chunk(struct load *load, struct err *err)
{
	int failed = load_dataset(load, err) ||
	             dataset_merge(load->dataset, load->labels, load->label_count, load->seeds, load->seed_count,
	                           &load->merged, err);

	for (size_t i = 0; i < load->folder_count; i++)
		free(load->folders[i]);
	load->seed_count = load->folder_count = load->label_count = 0;
	return failed;
}

static int add_file(struct load *load, const struct walk_file *file, struct err *err)
{
	struct located located;

	if (locate_file(load->options.base_dir, file->path, &load->config.image_roots, &located, err)) {
		if (err->code != ERR_NOT_FOUND)
			return err_prefix(err, "%s", file->path);
		walk_pass_over(&load->walk, file->link ? WALK_OUTSIDE : WALK_UNREADABLE, file->path, load_told, load);
		return 0;
	}
	const struct image_type *type = type_of(&located);
	if (!type) {
		walk_pass_over(&load->walk, WALK_NO_IMAGE, file->path, load_told, load);
		return 0;
	}
	if (!can_be_seen(type))
		load_tell(load, ++load->unseen, "cannot be seen in a browser", type->name, file->path);
	load->images++;
	load->seeds[load->seed_count++] = (struct dataset_seed){file->path, folder_label(load, file->path)};
	return load->seed_count == CHUNK ? write_chunk(load, err) : 0;
}

static int add_files(struct load *load, struct err *err)
{
	char words[64];

	/* The command line's labels come first, in its order, whatever the folders are called. */
	memcpy(load->labels, load->options.labels, load->options.label_count * sizeof(load->labels[0]));
	load->label_count = load->options.label_count;
	for (size_t i = 0; i < load->walk.count; i++) {
		if (add_file(load, &load->walk.files[i], err))
			return -1;
		snprintf(words, sizeof(words), "%zu images", load->images);
		progress_show(&load->progress, i + 1, load->walk.count, words);
	}
	if (load->images == 0)
		return err_set(err, ERR_NOT_FOUND, "There is no image in %s (%zu file%s looked at)",
		               load->options.base_dir, load->walk.count, load->walk.count == 1 ? "" : "s");
	return load->seed_count || load->label_count ? write_chunk(load, err) : 0;
}

/* --- the summary -------------------------------------------------------------------------------------------------- */

static int load_summarise(const struct load *load, double seconds, struct err *err)
{
	struct dataset_info info;
	size_t skipped = 0;

	if (dataset_info(load->dataset, &info, err))
		return -1;
	for (int i = 0; i < WALK_SKIPS; i++)
		skipped += load->walk.skipped[i];
	printf("%s dataset %s of %s\n", load->created ? "Made" : "Updated", load->options.dataset,
	       load->options.base_dir);
	printf("  %-28s %8zu images, in %.1f s\n", "found", load->images, seconds);
	if (load->unseen)
		printf("  %-28s %8zu\n", "  not to be seen in browsers", load->unseen);
	printf("  %-28s %8lld\n", "added", (long long)load->merged.samples_added);
	printf("  %-28s %8lld\n", "known", (long long)load->merged.samples_known);
	if (load->merged.samples_labelled)
		printf("  %-28s %8lld\n", "  labelled by their folder", (long long)load->merged.samples_labelled);
	printf("  %-28s %8zu\n", "skipped", skipped);
	for (int i = 0; i < WALK_SKIPS; i++)
		if (load->walk.skipped[i])
			printf("    %-26s %8zu\n", walk_skip_reason((enum walk_skip)i), load->walk.skipped[i]);
	printf("It now has %lld image%s, %lld of them unlabelled; labels:", (long long)info.counts.size,
	       info.counts.size == 1 ? "" : "s", (long long)info.counts.unlabelled);
	for (size_t i = 0; i < info.labels.count && i < LABELS_SHOWN; i++)
		printf("%s %s", i ? "," : "", info.labels.item[i].name);
	printf("%s\n", info.labels.count > LABELS_SHOWN ? ", …" : "");
	dataset_info_release(&info);
	return fflush(stdout) ? err_errno(err, ERR_INTERNAL, "Cannot write to standard output") : 0;
}

/* Goes on as the user who owns the databases, as whom the server reads the folder. */
static int work_as_owner(const struct config *config, struct err *err)
{
	return config_datasets_are_files(config) ? owner_become(config->sqlite_db_dir, err) : 0;
}

static int load_run(struct load *load, config_env *env, struct err *err)
{
	if (config_load(&load->config, load->options.config, env, err) || work_as_owner(&load->config, err) ||
	    dataset_store_open(&load->store, &load->config, err) || load_open_dataset(load, err))
		return -1;
	struct progress whole;
	progress_start(&whole, stderr);
	progress_start(&load->progress, stderr);
	if (walk_folder(&load->walk, load->options.base_dir, &load->config.image_roots, load_told, load_seen, load, err))
		return -1;
	progress_end(&load->progress);
	progress_start(&load->progress, stderr);
	int failed = add_files(load, err);
	progress_end(&load->progress);
	if (failed)
		return -1;
	admin_tell_config("image-label-load", &load->config);
	return load_summarise(load, progress_seconds(&whole), err);
}

int admin_load(int argc, char **argv, config_env *env)
{
	struct load *load = memory_new(1, sizeof(*load));
	struct err err = {0};

	int usage = load_parse(&load->options, argc, argv, &err);
	int failed = usage || load_run(load, env, &err);
	if (failed && load->config.path)
		admin_name_config(&load->config, &err);
	if (failed)
		fprintf(stderr, "image-label-load: %s\n", err.text);
	dataset_close(load->dataset);
	dataset_store_free(load->store);
	config_release(&load->config);
	walk_release(&load->walk);
	free(load);
	return usage ? ADMIN_USAGE : failed ? ADMIN_FAILED : ADMIN_DONE;
}
