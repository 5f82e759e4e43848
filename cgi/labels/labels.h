/* The handlers of the labels program. */
#ifndef LABELS_H
#define LABELS_H

#include "fastcgi/app.h"

app_handler labels_list, labels_add, labels_fetch, labels_add_by_path;

#endif
