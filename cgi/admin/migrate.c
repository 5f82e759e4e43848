/* `admin migrate`: its command line, the stores of both sides, and one dataset after the other. */
#include "migrate.h"

#include <signal.h>
#include <unistd.h>

#include "admin.h"
#include "base/memory.h"
#include "base/text.h"
#include "migrate_audit.h"
#include "migrate_dataset.h"
#include "migrate_env.h"

enum { JOBS = 8, DATASETS_MAX = 1024, PLACE_MAX = 16384 };

struct options {
	const char *from, *to, *base_url, *jobs;
	const char *datasets[DATASETS_MAX];
	size_t dataset_count;
	bool all, restart, allow_missing;
};

struct run {
	struct options options;
	struct config from_config, to_config;
	struct migration migration;
	struct buf base_url;
	size_t moved, failed;
	struct tried *tried;
};

struct tried {
	char *name;
	bool moved;
};

/* --- the command line --------------------------------------------------------------------------------------------- */

static int take_option(void *data, int letter, const char *value, struct err *err)
{
	struct options *options = data;

	switch (letter) {
	case 'f': options->from = value; break;
	case 't': options->to = value; break;
	case 'b': options->base_url = value; break;
	case 'j': options->jobs = value; break;
	case 'a': options->all = true; break;
	case 'r': options->restart = true; break;
	case 'm': options->allow_missing = true; break;
	default:
		if (options->dataset_count == DATASETS_MAX)
			return err_set(err, ERR_BAD_REQUEST, "more than %d datasets: say --all", DATASETS_MAX);
		options->datasets[options->dataset_count++] = value;
	}
	return 0;
}

static int migrate_parse(struct run *run, int argc, char **argv, struct err *err)
{
	static const struct option names[] = {
		{"from", required_argument, NULL, 'f'}, {"to", required_argument, NULL, 't'},
		{"dataset", required_argument, NULL, 'd'}, {"all", no_argument, NULL, 'a'},
		{"base", required_argument, NULL, 'b'}, {"jobs", required_argument, NULL, 'j'},
		{"restart", no_argument, NULL, 'r'}, {"allow-missing", no_argument, NULL, 'm'}, {0},
	};
	struct options *options = &run->options;
	int64_t jobs = JOBS;

	if (admin_options(argc, argv, "d:b:", names, take_option, options, err) || admin_no_more(argc, argv, err))
		return -1;
	if (!options->from || !options->to)
		return err_set(err, ERR_BAD_REQUEST, "give --from CONFIG and --to CONFIG");
	if (options->all == (options->dataset_count > 0))
		return err_set(err, ERR_BAD_REQUEST, "give either --dataset NAME, once or more often, or --all");
	if (options->jobs && text_int64(options->jobs, 1, MIGRATE_JOBS_MAX, &jobs))
		return err_set(err, ERR_BAD_REQUEST, "--jobs must be a number from 1 to %d", MIGRATE_JOBS_MAX);
	run->migration.images.jobs = (unsigned)jobs;
	return 0;
}

/* --- the stores --------------------------------------------------------------------------------------------------- */

static int check_places(const struct run *run, struct err *err)
{
	struct buf from, to;

	buf_init(&from, PLACE_MAX);
	buf_init(&to, PLACE_MAX);
	dataset_store_place(run->migration.from, &from);
	dataset_store_place(run->migration.to, &to);
	int failed = strcmp(buf_text(&from), buf_text(&to)) == 0
	                     ? err_set(err, ERR_BAD_REQUEST,
	                               "--from and --to are the same store, %s: a dataset moves to another one (with SQLite: "
	                               "to another \"sqlite_db_dir\")",
	                               buf_text(&from))
	                     : 0;
	buf_release(&from);
	buf_release(&to);
	return failed;
}

static int migrate_open_destination(struct run *run, struct err *err)
{
	struct migration *migration = &run->migration;
	int failed = dataset_store_open(&migration->to, &run->to_config, err) || dataset_store_ping(migration->to, err) ||
	             blob_open(&migration->images.to, &run->to_config, err) || blob_ping(migration->images.to, err);

	return failed ? err_prefix(err, "--to") : 0;
}

/* Makes nothing in the source: where its folder of images does not exist, there are no images. */
static int migrate_open_source(struct run *run, struct err *err)
{
	struct migration *migration = &run->migration;
	const struct config *config = &run->from_config;
	bool files = config_images_are_files(config);
	int failed = dataset_store_open_reading(&migration->from, config, err) || dataset_store_ping(migration->from, err);

	if (!failed && (!files || access(config->image_store.dir, F_OK) == 0))
		failed = blob_open(&migration->images.from, config, err) || (!files && blob_ping(migration->images.from, err));
	return failed ? err_prefix(err, "--from") : 0;
}

static int migrate_open_stores(struct run *run, config_env *env, struct err *err)
{
	struct migration *migration = &run->migration;

	if (migrate_env_load(&run->from_config, MIGRATE_FROM, run->options.from, env, err) ||
	    migrate_env_load(&run->to_config, MIGRATE_TO, run->options.to, env, err))
		return -1;
	if (migrate_env_left_out())
		fprintf(stderr,
		        "note: %s is set, and not used: the configurations choose the stores (FROM_%s or TO_%s is for one side)\n",
		        migrate_env_left_out(), migrate_env_left_out(), migrate_env_left_out());
	if (config_datasets_are_files(&run->to_config) &&
	    admin_make_folder(run->to_config.sqlite_db_dir, 0755, err))
		return -1;
	if (migrate_open_source(run, err) || migrate_open_destination(run, err))
		return -1;
	migration->from_config = &run->from_config;
	migration->to_config = &run->to_config;
	migration->restart = run->options.restart;
	migration->allow_missing = run->options.allow_missing;
	migration->images.same = migrate_images_same(&run->from_config, &run->to_config);
	migration->images.spool_dir = migrate_images_spool(migration->images.to, env);
	migrate_base_url(&run->to_config, run->options.base_url, &run->base_url);
	migration->base_url = buf_text(&run->base_url);
	return check_places(run, err);
}

/* --- the datasets ------------------------------------------------------------------------------------------------- */

/* Moves one dataset; a failure does not stop the others. */
static void move_one(struct run *run, const char *name)
{
	struct err err = {0};
	bool moved = migrate_dataset(&run->migration, name, &err) == 0;
	size_t count = run->moved + run->failed;

	run->tried = memory_grow(run->tried, count + 1, sizeof(*run->tried));
	run->tried[count] = (struct tried){.name = memory_text(name), .moved = moved};
	*(moved ? &run->moved : &run->failed) += 1;
	if (!moved)
		fprintf(stderr, "image-label-migrate: %s: %s\n", name, err.text);
}

static int move_next(void *data, const char *name, struct err *err)
{
	(void)err;
	move_one(data, name);
	return 0;
}

static int move_all(struct run *run, struct err *err)
{
	if (dataset_store_each(run->migration.from, move_next, run, err))
		return -1;
	return run->moved + run->failed > 0 ? 0 : err_set(err, ERR_NOT_FOUND, "there is no dataset in the source");
}

static int move_datasets(struct run *run, struct err *err)
{
	if (run->options.all)
		return move_all(run, err);
	for (size_t i = 0; i < run->options.dataset_count; i++)
		move_one(run, run->options.datasets[i]);
	return 0;
}

/* Where a dataset was not moved, another one of its name may be there. */
static bool wants_audit(void *data, const char *dataset)
{
	const struct run *run = data;

	for (size_t i = 0; i < run->moved + run->failed; i++) {
		if (strcmp(run->tried[i].name, dataset) == 0)
			return run->tried[i].moved;
	}
	return run->options.all;
}

static int move_audit(struct run *run, struct err *err)
{
	int64_t count;

	if (run->moved == 0)
		return 0;
	if (migrate_audit_log(run->migration.from, run->migration.to, wants_audit, run, &count, err))
		return -1;
	printf("audit log: %lld entries copied\n", (long long)count);
	return 0;
}

/* Only reports the interruption, below the progress line: the next run finds out where to go on, as after a kill -9. */
static void tell_interrupted(int signal)
{
	static const char words[] = "\nimage-label-migrate: Interrupted; the same command goes on from here\n";
	ssize_t written = write(STDERR_FILENO, words, sizeof(words) - 1);

	(void)written;
	raise(signal); /* ends the program once this returns */
}

static void migrate_catch_signals(void)
{
	struct sigaction action = {.sa_handler = tell_interrupted, .sa_flags = (int)SA_RESETHAND};

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
}

int admin_migrate(int argc, char **argv, config_env *env)
{
	struct run *run = memory_new(1, sizeof(*run));
	struct err err = {0};

	buf_init(&run->base_url, TEXT_FILEPATH_MAX);
	int usage = migrate_parse(run, argc, argv, &err);
	migrate_catch_signals();
	int failed = usage || migrate_open_stores(run, env, &err) || move_datasets(run, &err) ||
	             move_audit(run, &err);
	if (failed)
		fprintf(stderr, "image-label-migrate: %s%s\n", err.text, usage ? " (see image-label-migrate --help)" : "");
	else if (run->moved + run->failed > 1)
		printf("%zu datasets moved, %zu failed\n", run->moved, run->failed);
	failed = failed || run->failed > 0 || fflush(stdout) != 0;
	dataset_store_free(run->migration.from);
	dataset_store_free(run->migration.to);
	blob_free(run->migration.images.from);
	blob_free(run->migration.images.to);
	config_release(&run->from_config);
	config_release(&run->to_config);
	buf_release(&run->base_url);
	for (size_t i = 0; i < run->moved + run->failed; i++)
		free(run->tried[i].name);
	free(run->tried);
	free(run);
	return usage ? ADMIN_USAGE : failed ? ADMIN_FAILED : ADMIN_DONE;
}
