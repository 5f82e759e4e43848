/* Where users and tokens are kept: in the store of datasets, if it keeps them for several machines, else in files of
 * json_user_dir. It connects auth, which knows nothing of stores, with dataset, which knows nothing of users. */
#ifndef FASTCGI_ROSTER_H
#define FASTCGI_ROSTER_H

#include "auth/userdir.h"
#include "dataset/dataset.h"

struct roster {
	struct user_place place; /* for auth's functions */
	struct user_store store;
};

/* config and store must outlive the roster; there is nothing to release. place points into the roster itself. */
void roster_init(struct roster *roster, const struct config *config, struct dataset_store *store);

#endif
