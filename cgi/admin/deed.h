/* What a command has done, in the audit log beside what was done over HTTP. */
#ifndef ADMIN_DEED_H
#define ADMIN_DEED_H

#include <cjson/cJSON.h>

#include "base/config.h"
#include "dataset/dataset.h"

struct deed {
	const char *action, *target; /* as audit.h has them */
	cJSON *detail;               /* freed by the call; NULL: none */
};
/* Adds an entry by "local:NAME", where NAME is the account on this machine that ran the command, or had sudo run it. No
 * user's name has a colon. If the log cannot be written, warns on stderr: the deed is done. As root, for another
 * user's folder of datasets, the process goes on as that user (owner.h). */
void deed_tell(const char *program, const struct config *config, struct dataset_store *store, config_env *env,
               const struct deed *deed);

#endif
