/* The table of configuration keys, from which parsing, bounds, messages, printing and help derive.
 * Internal to the configuration's modules. */
#ifndef BASE_CONFIG_KEYS_H
#define BASE_CONFIG_KEYS_H

#include "base/config.h"

enum config_kind {
	CONFIG_TEXT,
	CONFIG_HOST,     /* a host name or address, as nginx accepts it */
	CONFIG_HEADER,   /* a header's name */
	CONFIG_ADDRESS,  /* where a browser is sent: a URL, or a path of the same host */
	CONFIG_NAME,     /* a dataset's name */
	CONFIG_DATABASE, /* a name that MongoDB accepts */
	CONFIG_BUCKET,   /* part of a URL, unencoded */
	CONFIG_PATH,     /* made absolute */
	CONFIG_HTTP_URL,
	CONFIG_URL_PATH, /* "/a/b": of letters, digits and ._~- */
	CONFIG_MONGODB_URI,
	CONFIG_CHOICE,
	CONFIG_SECRET, /* only from the environment; never printed */
	CONFIG_INTEGER,
	CONFIG_TEXTS, /* a list */
	CONFIG_PATHS,
	CONFIG_HOSTS,    /* a list, or a single one */
	CONFIG_NETWORKS, /* the same, of addresses and of networks (192.0.2.0/24) */
};

struct config_key {
	const char *name; /* "group.key" or "key" */
	enum config_kind kind;
	size_t offset;       /* of a char *, an int64_t or a struct config_list in struct config */
	const char *initial; /* for a text; for a list, its only entry; NULL: see help */
	const char *derived; /* if the default depends on another key: its value while that one has its default */
	int64_t number, min, max;
	const char *const *choices; /* ended by NULL */
	const char *variable;       /* the environment variable that wins; NULL for none */
	const char *help;
};

extern const struct config_key config_keys[];
extern const size_t config_key_count;

/* The key with this name, or NULL. */
const struct config_key *config_find(const char *name);
/* The groups of keys, ended by NULL. */
extern const char *const config_groups[];
bool config_is_group(const char *name);

/* Whether the key's value is a list, and whether a single text may replace it. */
bool config_is_list(const struct config_key *key);
bool config_is_list_or_one(const struct config_key *key);

/* Where a configuration holds the key's value. */
char **config_text(struct config *config, const struct config_key *key);
int64_t *config_integer(struct config *config, const struct config_key *key);
struct config_list *config_strings(struct config *config, const struct config_key *key);

/* Describes a value of the key: "an integer from 1 to 50", "\"fs\" or \"s3\"", "a text". */
const char *config_expects(const struct config_key *key, char *out, size_t size);

/* Where relative paths and "~/" begin. */
struct config_places {
	const char *folder;
	const char *home; /* NULL when there is none */
};
/* Checks a text by the key's kind and sets it (adds it to a list). `what` names it in messages: the key in quotes,
 * or the variable. */
int config_set(struct config *config, const struct config_key *key, const char *what, const char *value,
               const struct config_places *places, struct err *err);

/* Lets the environment win, and checks that nothing is missing for the stores that are opened. */
int config_environment(struct config *config, config_env *env, const struct config_places *places, int stores,
                       struct err *err);

#endif
