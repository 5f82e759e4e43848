/* The program behind the scripts, for work on the machine itself rather than through the server. */
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include "admin/admin.h"
#include "admin/backup.h"
#include "admin/check.h"
#include "admin/draw.h"
#include "admin/export.h"
#include "admin/load.h"
#include "admin/migrate.h"
#include "base/log.h"
#include "base/version.h"

static int draw_admin(int argc, char **argv, config_env *env)
{
	(void)env;
	return admin_draw(argc, argv);
}

static const struct {
	const char *name;
	int (*run)(int argc, char **argv, config_env *env);
	const char *purpose;
} commands[] = {
	{"config", admin_config, "print the resolved configuration, without secrets, as JSON"},
	{"prepare", admin_prepare, "make everything ready for serving; one line a dataset"},
	{"first", admin_first, "add the first user, where there is none"},
	{"user", admin_user, "add, change, remove and list users"},
	{"load", admin_load, "make a dataset of a folder where it lies"},
	{"migrate", admin_migrate, "move datasets to the stores of another configuration"},
	{"backup", admin_backup, "make, list, verify and restore backups"},
	{"check", admin_check, "compare datasets, counts, images and thumbnails, and mend what is safe"},
	{"export", admin_export, "write a dataset as CSV, from whatever store it is in"},
	{"draw", draw_admin, "draw the demo's pictures"},
	{"fold", admin_fold, "write the databases' side files back after a stop"},
};
enum { COMMANDS = sizeof(commands) / sizeof(commands[0]) };

static void print_help(FILE *out, const char *program)
{
	fprintf(out, "usage: %s COMMAND [--config FILE] …\n\n", program);
	for (size_t i = 0; i < COMMANDS; i++)
		fprintf(out, "  %-8s %s\n", commands[i].name, commands[i].purpose);
}

static const char *admin_environment(const char *name)
{
	return getenv(name);
}

int main(int argc, char **argv)
{
	log_init("admin", LOG_ERROR);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	if (argc >= 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
		print_help(stdout, argv[0]);
		return ADMIN_DONE;
	}
	if (version_asked(argc, argv)) {
		printf("admin (image-label-server) %s\n", version_text);
		return ADMIN_DONE;
	}
	for (size_t i = 0; argc >= 2 && i < COMMANDS; i++)
		if (strcmp(argv[1], commands[i].name) == 0)
			return commands[i].run(argc - 1, argv + 1, admin_environment);
	print_help(stderr, argv[0]);
	return ADMIN_USAGE;
}
