/* The subcommands of the admin program, which does the scripts' work on the machine itself.
 *
 * argv[0] is the subcommand's word. Each returns the exit status, after one line on stderr when it is not
 * 0. */
#ifndef ADMIN_ADMIN_H
#define ADMIN_ADMIN_H

#include <sys/types.h>

#include "base/config.h"
#include "base/err.h"

enum { ADMIN_DONE = 0, ADMIN_FAILED = 1, ADMIN_USAGE = 2 };

/* Prints the resolved configuration, without secrets, as JSON; by --help its keys, by --table README.md's table
 * of them. */
int admin_config(int argc, char **argv, config_env *env);
/* Makes everything ready for serving: folders, JSON datasets merged, each dataset opened (which migrates
 * it), users compiled. Prints one line a dataset; what a person should know goes to stderr first. */
int admin_prepare(int argc, char **argv, config_env *env);
/* Adds, changes, removes and lists users. */
int admin_user(int argc, char **argv, config_env *env);
/* Writes the stores' side files back, when the server has stopped. */
int admin_fold(int argc, char **argv, config_env *env);

/* What the subcommands share. */

/* Loads the configuration for a subcommand that takes only --config FILE. Returns an exit status; on
 * ADMIN_DONE the caller ends with config_release, else the line is on stderr. */
int admin_load_config(int argc, char **argv, config_env *env, struct config *config);

/* Says on stderr, for a person, which configuration a command has used: called when it has succeeded. */
void admin_tell_config(const char *program, const struct config *config);
/* Adds it to the message of a command that has failed: what is missing may be in another one. */
void admin_name_config(const struct config *config, struct err *err);

/* Makes a folder and those above it; one that is there stays as it is. Made by root it belongs to the
 * owner of the folder it lies in. */
int admin_make_folder(const char *path, mode_t mode, struct err *err);

#endif
