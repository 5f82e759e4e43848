/* Names of an archive's entries, turned into paths that are safe to keep, and labels. Pure; thread-safe. */
#ifndef INTAKE_ARCHIVE_NAME_H
#define INTAKE_ARCHIVE_NAME_H

#include <stdbool.h>

#include "base/config.h"
#include "base/err.h"
#include "base/text.h"

struct archive_name {
	char path[TEXT_FILEPATH_MAX + 1]; /* UTF-8, relative, without empty, "." or ".." segments */
	char label[TEXT_LABEL_MAX + 1];   /* the parent folder's name; "" when there is none */
	/* the charset assumed, when none was given; NULL when the name's charset is certain */
	const char *guessed;
	const char *skipped; /* why the entry is skipped: static text; NULL when it is not */
};

enum { ARCHIVE_CHARSET_MAX = 32 };
/* Whether names can be converted from this charset ("cp932"). */
bool archive_name_knows(const char *charset);

/* The charsets assumed when none is given: of a tar, and of a zip. */
extern const char *const archive_name_guesses[2];

/* Loads what conversion needs, from `charset` (if not NULL) and those assumed, for a process that opens no files later;
 * for good. */
void archive_name_load(const char *charset);

/* raw is UTF-8; or else in `charset`; or, where that is NULL, in code page 437 in a zip (as its specification says)
 * and ISO 8859-1 in a tar. A zip's backslashes separate folders. Entries are skipped that are hidden or litter
 * (base/litter.h), or lie in a folder that is, or that is in `skip`. ERR_UNPROCESSABLE for names that are not in
 * `charset`, absolute names, "..", and names that can't be a path or label; path then shows the name as far as
 * possible. */
int archive_name_parse(const char *raw, bool zip, const char *charset, const struct config_list *skip,
                       struct archive_name *out, struct err *err);

#endif
