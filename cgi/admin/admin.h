/* The subcommands of the admin program, which does the scripts' work on the machine itself.
 *
 * argv[0] is the subcommand's word. Each returns the exit status, and if that is not 0 has printed one line on
 * stderr. */
#ifndef ADMIN_ADMIN_H
#define ADMIN_ADMIN_H

#include <getopt.h>
#include <sys/types.h>

#include "base/config.h"
#include "base/err.h"

enum { ADMIN_DONE = 0, ADMIN_FAILED = 1, ADMIN_USAGE = 2 };

/* Prints the resolved configuration, without secrets, as JSON; with --help its keys, with --table their table for
 * the manual. */
int admin_config(int argc, char **argv, config_env *env);
/* Makes everything ready for serving: makes folders, merges JSON datasets, opens each dataset (which migrates it),
 * compiles the users. Prints one line a dataset; warnings go to stderr first. With --first-start as its last
 * argument it needs no user. */
int admin_prepare(int argc, char **argv, config_env *env);
/* Makes the first user if there is none, and prints the key. */
int admin_first(int argc, char **argv, config_env *env);
/* Adds, changes, removes and lists users. */
int admin_user(int argc, char **argv, config_env *env);
/* Writes the stores' side files back after the server has stopped. */
int admin_fold(int argc, char **argv, config_env *env);

/* The functions that the subcommands share. */

/* Takes each option, by its letter, with its value; letters and names are getopt_long's. The words that are no options
 * begin at argv[optind] afterwards. ERR_BAD_REQUEST names one that is unknown, or lacks its value. */
typedef int admin_option(void *options, int letter, const char *value, struct err *err);
int admin_options(int argc, char **argv, const char *letters, const struct option *names, admin_option *take,
                  void *options, struct err *err);
/* ERR_BAD_REQUEST names a word that is left. */
int admin_no_more(int argc, char **argv, struct err *err);

/* Loads the configuration for a subcommand that takes only --config FILE. Returns an exit status; after ADMIN_DONE
 * the caller ends with config_release, else the line is on stderr. */
int admin_load_config(int argc, char **argv, config_env *env, struct config *config);

/* Prints on stderr which configuration a command has used; call it when the command has succeeded. */
void admin_tell_config(const char *program, const struct config *config);
/* Adds the configuration's name to the message of a failed command: what is missing may be in another configuration. */
void admin_name_config(const struct config *config, struct err *err);

/* Makes a folder and those above it; an existing one stays as it is. If root makes it, it belongs to the owner of
 * the folder that it lies in. */
int admin_make_folder(const char *path, mode_t mode, struct err *err);

#endif
