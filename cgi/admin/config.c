/* `admin config` and `admin fold`, and what the subcommands share of configuration and folders. */
#include "admin.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "dataset/dataset.h"

enum { CONFIG_TEXT_MAX = 1024 * 1024 };

static int config_fail(const struct err *err)
{
	fprintf(stderr, "%s\n", err->text);
	return ADMIN_FAILED;
}

int admin_load_config(int argc, char **argv, config_env *env, struct config *config)
{
	static const struct option options[] = {{"config", required_argument, NULL, 'c'}, {0}};
	const char *path = NULL;
	optind = 0;
	opterr = 0;
	for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1; path = optarg) {
		if (option != 'c') {
			fprintf(stderr, "unknown option or missing value: %s\n", argv[optind - 1]);
			return ADMIN_USAGE;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "unexpected argument: %s\n", argv[optind]);
		return ADMIN_USAGE;
	}
	struct err err;
	return config_load(config, path, env, &err) == 0 ? ADMIN_DONE : config_fail(&err);
}

static const char *config_name(const struct config *config)
{
	return config->path && *config->path ? config->path : "none, the defaults hold";
}

void admin_tell_config(const char *program, const struct config *config)
{
	fprintf(stderr, "%s: configuration: %s\n", program, config_name(config));
}

void admin_name_config(const struct config *config, struct err *err)
{
	enum err_code code = err->code;
	struct err was = *err;

	err_set(err, code, "%s (configuration: %s)", was.text, config_name(config));
}

/* A folder that root makes in another user's folder belongs to that user. */
static int make_one(const char *path, const char *parent, mode_t mode)
{
	if (mkdir(path, mode) != 0)
		return errno != EEXIST;
	struct stat st;
	if (geteuid() == 0 && stat(parent, &st) == 0 && st.st_uid != 0 && chown(path, st.st_uid, st.st_gid) != 0)
		return -1;
	return file_sync_folder(parent); /* or a loss of power could take all that is kept in it */
}

int admin_make_folder(const char *path, mode_t mode, struct err *err)
{
	char part[PATH_MAX], parent[PATH_MAX];
	struct stat st;
	int len = snprintf(part, sizeof(part), "%s", path);
	if (len < 0 || (size_t)len >= sizeof(part))
		return err_set(err, ERR_BAD_REQUEST, "the folder's name is too long: %.100s…", path);
	snprintf(parent, sizeof(parent), "%s", *path == '/' ? "/" : ".");
	for (char *slash = part; (slash = strchr(slash + 1, '/')) != NULL; *slash = '/') {
		*slash = '\0';
		if (stat(part, &st) != 0 && make_one(part, parent, 0755) != 0)
			return err_errno(err, ERR_INTERNAL, "the folder %s cannot be made", part);
		snprintf(parent, sizeof(parent), "%s", part);
	}
	if (stat(part, &st) != 0 && make_one(part, parent, mode) != 0)
		return err_errno(err, ERR_INTERNAL, "the folder %s cannot be made", path);
	if (stat(part, &st) != 0 || !S_ISDIR(st.st_mode))
		return err_set(err, ERR_INTERNAL, "%s is no folder", path);
	return 0;
}

static int write_text(const char *text)
{
	if (fputs(text, stdout) >= 0 && fflush(stdout) == 0)
		return ADMIN_DONE;
	fprintf(stderr, "the configuration cannot be written\n");
	return ADMIN_FAILED;
}

static int print_keys(int (*print)(struct buf *out))
{
	struct buf text;
	buf_init(&text, CONFIG_TEXT_MAX);
	print(&text);
	int status = write_text(buf_text(&text));
	buf_release(&text);
	return status;
}

int admin_config(int argc, char **argv, config_env *env)
{
	if (argc == 2 && strcmp(argv[1], "--help") == 0)
		return print_keys(config_help);
	if (argc == 2 && strcmp(argv[1], "--table") == 0)
		return print_keys(config_table);
	struct config config;
	int status = admin_load_config(argc, argv, env, &config);
	if (status != ADMIN_DONE)
		return status;
	struct buf text;
	buf_init(&text, CONFIG_TEXT_MAX);
	config_print(&config, &text);
	buf_char(&text, '\n');
	status = write_text(buf_text(&text));
	buf_release(&text);
	config_release(&config);
	return status;
}

int admin_fold(int argc, char **argv, config_env *env)
{
	struct config config;
	int status = admin_load_config(argc, argv, env, &config);
	if (status != ADMIN_DONE)
		return status;
	struct dataset_store *store = NULL;
	struct err err;
	if (dataset_store_open(&store, &config, &err) || dataset_store_fold(store, &err))
		status = config_fail(&err);
	dataset_store_free(store);
	config_release(&config);
	return status;
}
